// Package nodefiles puts files on a node so that whoever reads them finds each as it was or as it
// is to be, whole.
//
// It knows no format. Packages hoststoml and registriesconf say which [Operation] follows which;
// this one has what they share: the [Transport] to a node, of which [Local] is the one for a
// directory of this machine, and the words for what becomes of files.
//
//	node, err := nodefiles.OpenLocal("/etc/containers") // or another Transport
//	if err != nil {
//		return err
//	}
//	defer node.Close()
//	change, err := files.Apply(ctx, node, registriesconf.Options{})
//
// Somebody who reaches nodes in another way implements [Transport], seven methods of which each
// does one thing.
package nodefiles
