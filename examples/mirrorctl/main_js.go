package main

import (
	"bytes"
	"strings"
	"syscall/js"

	"github.com/spf13/cobra"
)

// main, in a browser, waits to be called: mirrorctl(args, state, done) runs a command, and calls
// done(code, stdout, stderr) when it has ended. Files are those of the global object fs, as Go's
// wasm_exec.js has it. Where state is a text, they are the same as at the last call with that text,
// and are not read again. The page of examples/playground calls it.
func main() {
	var kept memory
	var of string
	call := js.FuncOf(func(_ js.Value, params []js.Value) any {
		args, state, done := make([]string, params[0].Length()), params[1], params[2]
		for i := range args {
			args[i] = params[0].Index(i).String()
		}
		var m memory
		if state.Type() == js.TypeString {
			if kept == nil || of != state.String() {
				kept, of = memory{}, state.String()
			}
			m = kept
		}
		go func() { // reading a file waits for the browser, which waits for this function to return
			var stdout, stderr bytes.Buffer
			code := runWith(m, args, strings.NewReader(""), &stdout, &stderr)
			done.Invoke(code, stdout.String(), stderr.String())
		}()
		return nil
	})
	js.Global().Set("mirrorctl", call)
	select {}
}

// ofStores returns nothing: a page keeps no files, and is smaller for it.
func (p *program) ofStores() []*cobra.Command { return nil }
