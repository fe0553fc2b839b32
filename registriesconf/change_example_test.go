package registriesconf_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// What a change will do to a node, before it is done.
func ExampleDiff() {
	old := registriesconf.Files{Config: registriesconf.Default()}
	new := registriesconf.Files{
		Config: &registriesconf.Config{Registries: []registriesconf.Registry{{Location: "quay.io", Blocked: true}}},
		Search: &registriesconf.Config{UnqualifiedSearchRegistries: []string{"registry.corp"}},
	}
	change, err := registriesconf.Diff(old.Node(), new, registriesconf.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, operation := range change.Operations {
		fmt.Println(operation)
	}
	// Output:
	// write .registries.conf~new (89 bytes, mode 0644)
	// rename .registries.conf~new -> registries.conf
	// sync .
	// mkdir registries.conf.d
	// sync .
	// write registries.conf.d/.01-image-searchRegistries.conf~new (71 bytes, mode 0644)
	// rename registries.conf.d/.01-image-searchRegistries.conf~new -> registries.conf.d/01-image-searchRegistries.conf
	// sync registries.conf.d
}

// A node gets its files; what pullroute did not write stays, and is reported. For a node elsewhere, give another
// Transport.
func ExampleFiles_Apply() {
	dir, err := os.MkdirTemp("", "containers")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/registries.conf", []byte("# by hand\n"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	node, err := nodefiles.OpenLocal(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	files := registriesconf.Files{Config: registriesconf.Default()}
	for _, o := range []registriesconf.Options{{}, {Overwrite: true}} {
		change, err := files.Apply(context.Background(), node, o)
		fmt.Println(len(change.Operations), "operations, a conflict:", errors.Is(err, nodefiles.ErrConflict))
	}
	// Output:
	// 0 operations, a conflict: true
	// 3 operations, a conflict: false
}
