// Package hoststoml reads and writes hosts.toml, the file that tells containerd, and with it every
// Windows node, which hosts to ask for the images of one registry.
//
//	file, findings := hoststoml.Parse("hosts.toml", data)
//	if err := findings.Err(); err != nil {
//		return err // *finding.RefusedError: containerd ignores the file, or cannot use a part of it
//	}
//	for _, host := range file.Hosts { // in the order they are asked
//		target, err := hoststoml.ParseTarget(host.URL, host.OverridePath)
//		…
//	}
//
// [Render] turns rules into a [Tree], all files that a node needs:
//
//	tree, table, findings := hoststoml.Render(rules, hoststoml.RenderOptions{})
//
// [Parse] reads a file into a [File], a plain struct, and reports everything that a containerd reads
// otherwise than its author likely meant. [File.Bytes] writes it back in a form that all versions read
// alike, [File.Validate] says what they would refuse. [Dir], [Dirs] and [HostFromDir] translate between
// registry hosts and the names of the directories that hold the files.
//
// # Changing a node
//
// containerd reads its config_path, the directory of these directories, at every pull, and where it
// finds no file, or half of one, it contacts the original registry. [Tree.Apply] brings a node from
// whatever it has to a [Tree] so that each registry has its old file or its new one at every
// moment, wherever it is interrupted:
//
//	node, err := nodefiles.OpenLocal(`C:\k\containerd\registries`) // or another Transport
//	…
//	change, err := tree.Apply(ctx, node, hoststoml.Options{})
//	for _, failed := range hoststoml.RegistryErrors(err) {
//		// one registry has not got its file, for a reason such as nodefiles.ErrConflict: a file of another
//		// hand is in the way. All others have theirs.
//	}
//
// [Diff] returns the operations without doing them, and says why they are in their order.
// [nodefiles.Transport] says what the way to a node has to be capable of. [ReadTree] reads a node's
// files back, to be asked for plans.
//
// # The rules of containerd
//
// They are those of parseHostsFile and ConfigureHosts, not of the documentation: file
// core/remotes/docker/config/hosts.go of containerd v2.4.2, and remotes/docker/config/hosts.go of
// v1.7.35 and v1.6.20. Version 2 decodes with github.com/pelletier/go-toml/v2, the others with its
// version 1. Where they differ a File holds what v2.4.2 reads, and a finding names the difference;
// [Version.Current] and [Version.ReadTree] return what another version reads.
//
//   - A file that cannot be read is not an error: containerd logs a line, ignores the file and contacts
//     the original registry. That covers malformed TOML, a repeated table, a value of the wrong type, an
//     unknown capability, a malformed duration or URL, and in version 2 a byte-order mark. CRLF line
//     ends are fine.
//   - Hosts are asked in the order of their tables, then Server. Without Server the original registry is
//     asked last, with every capability, whatever the settings at the top of the file say.
//   - Version 2 counts as hosts only what has a table header of its own: neither host = {…} nor dotted
//     keys. A sub-table that stands apart from its host makes version 2 ask that host twice.
//   - Versions 1.6, and 1.7 before 1.7.32, ignore a file without any host table. An empty [host] will do,
//     and Bytes writes one.
//   - Versions 1.6 and 1.7 do not understand quotes in a table name: "[", "]", '"' and "\" cannot stand
//     in the URL of a host, and an IPv6 address therefore neither.
//   - An empty or absent list of capabilities means all of them. "referrers" is known from 2.2 on;
//     before, it makes the whole file unreadable. dial_timeout is read by version 2 only.
//   - Keys that containerd does not know are ignored. Version 2 ignores letter case in the known ones,
//     versions 1.6 and 1.7 read server and SERVER, but not Server.
//   - ca and client paths that are not absolute start at the directory of the file. One that cannot be
//     read fails every pull from the registry; it is not looked at here.
//
// # Credentials and TLS
//
// [Render] writes the credentials of a pull secret ([ParsePullSecret]) as headers, and puts
// certificates beside the files. Both also make the files of registries that have no mirror. A
// wildcard under NeverContactSource around such a registry holds for it.
//
//   - A header goes to its own host with every request, and is enough where that asks for Basic
//     authentication. Asked for a Bearer token, version 2 takes it to the token server that the host names;
//     1.6 and 1.7 fetch an anonymous token, and send that from then on.
//   - A redirect takes it along to another port of the host and to its subdomains, and nowhere else.
//   - A registry in an insecure scope has two tables, https:// and then http://, both with skip_verify: the
//     first is for 1.6, which speaks plain HTTP at once where the URL says so; the second is for plain HTTP.
//     From 1.7 on nothing is then sent in the clear to a registry that speaks TLS. 1.6 does send it, where
//     the way by HTTPS has failed.
package hoststoml
