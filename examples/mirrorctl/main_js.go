package main

import (
	"bytes"
	"strings"
	"syscall/js"
)

// main, in a browser, waits to be called: mirrorctl(args, done) runs a command, and calls
// done(code, stdout, stderr) when it has ended. Files are those of the global object fs, as Go's
// wasm_exec.js has it. The page of examples/playground calls it.
func main() {
	call := js.FuncOf(func(_ js.Value, params []js.Value) any {
		args, done := make([]string, params[0].Length()), params[1]
		for i := range args {
			args[i] = params[0].Index(i).String()
		}
		go func() { // reading a file waits for the browser, which waits for this function to return
			var stdout, stderr bytes.Buffer
			code := run(args, strings.NewReader(""), &stdout, &stderr)
			done.Invoke(code, stdout.String(), stderr.String())
		}()
		return nil
	})
	js.Global().Set("mirrorctl", call)
	select {}
}
