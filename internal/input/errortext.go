package input

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
)

// ErrorText returns what an error says, with the name of a file as [PathText] shows it.
func ErrorText(err error) string {
	text := err.Error()
	if file := new(fs.PathError); errors.As(err, &file) && file.Path != "" {
		text = strings.ReplaceAll(text, file.Path, PathText(file.Path))
	}
	return text
}

// PathText returns the name of a file as it may be shown. One that no file has may be anything: a
// secret that was given in the place of the file that holds it.
func PathText(name string) string {
	if _, err := os.Lstat(name); err == nil {
		return name
	}
	return shown.Path(name)
}
