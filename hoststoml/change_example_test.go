package hoststoml_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/nodefiles"
)

// What a change will do to a node, before it is done.
func ExampleDiff() {
	to := func(host, mirror string) hoststoml.RegistryFile {
		return hoststoml.RegistryFile{Host: host, File: &hoststoml.File{
			Comment: hoststoml.Marker, Server: mirror, Hosts: []hoststoml.Host{{URL: mirror}},
		}}
	}
	old := hoststoml.Tree{to("old.io", "https://m.io"), to("quay.io", "https://m.io")}
	new := hoststoml.Tree{to("new.io:5000", "https://m.io"), to("quay.io", "https://n.io")}
	change, err := hoststoml.Diff(old.Node(), new, hoststoml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, operation := range change.Operations {
		fmt.Println(operation)
	}
	// Output:
	// mkdir .new.io_5000_~new
	// write .new.io_5000_~new/hosts.toml (137 bytes, mode 0644)
	// sync .new.io_5000_~new
	// rename .new.io_5000_~new -> new.io_5000_
	// sync .
	// write quay.io/.hosts.toml~new (137 bytes, mode 0644)
	// rename quay.io/.hosts.toml~new -> quay.io/hosts.toml
	// sync quay.io
	// rename old.io -> .old.io~old
	// sync .
	// remove .old.io~old/hosts.toml
	// remove .old.io~old
}

// A node is brought to a tree; what pullroute did not write stays, and is reported. For a node elsewhere,
// give another Transport.
func ExampleTree_Apply() {
	dir, err := os.MkdirTemp("", "certs.d")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(dir+"/corp.io", 0o755); err != nil {
		fmt.Println(err)
		return
	}
	node, err := nodefiles.OpenLocal(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	tree := hoststoml.Tree{{Host: "quay.io", File: &hoststoml.File{
		Comment: hoststoml.Marker, Server: "https://m.io", Hosts: []hoststoml.Host{{URL: "https://m.io"}},
	}}}
	change, err := tree.Apply(context.Background(), node, hoststoml.Options{})
	switch {
	case errors.Is(err, nodefiles.ErrConflict):
		fmt.Println("done, but for:", err)
	case err != nil:
		fmt.Println("call again to finish:", err)
	}
	fmt.Println(len(change.Operations), "operations")
	for _, kept := range change.Kept {
		fmt.Println(kept)
	}
	// Output:
	// 5 operations
	// corp.io: was not written by pullroute, and decides for its registry [foreign]
}
