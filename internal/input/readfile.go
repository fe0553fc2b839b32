//go:build !unix

package input

import (
	"bytes"
	"os"
)

// readFile appends the text of a file.
func readFile(name string, text *bytes.Buffer) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = text.ReadFrom(f)
	return err
}
