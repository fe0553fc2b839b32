package nodefiles_test

import (
	"context"
	"fmt"
	"os"

	"github.com/pullroute/pullroute/nodefiles"
)

// said is a Transport that says what it renames. One that reaches a node elsewhere has all seven
// methods of its own.
type said struct{ nodefiles.Transport }

func (s said) Rename(ctx context.Context, from, to string) error {
	fmt.Println("rename", from, to)
	return s.Transport.Rename(ctx, from, to)
}

// Operations are done over any Transport.
func ExampleTransport() {
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	local, err := nodefiles.OpenLocal(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer local.Close()
	for _, o := range []nodefiles.Operation{
		nodefiles.Write(".hello~new", []byte("hello\n"), 0o644),
		{Kind: nodefiles.OperationRename, Path: ".hello~new", To: "hello"},
		{Kind: nodefiles.OperationSync, Path: "."},
	} {
		if err := o.Do(context.Background(), said{local}, nodefiles.Retry{}); err != nil {
			fmt.Println(err)
			return
		}
	}
	data, err := os.ReadFile(dir + "/hello")
	fmt.Print(string(data), err, "\n")
	// Output:
	// rename .hello~new hello
	// hello
	// <nil>
}
