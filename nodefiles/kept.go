package nodefiles

import (
	"errors"
	"fmt"

	"github.com/pullroute/pullroute/internal/shown"
)

// Kept is something on a node that a change leaves as it is.
type Kept struct {
	Path    string   `json:"path"`
	Code    KeptCode `json:"code"`
	Message string   `json:"message"`
}

// Keep returns a Kept whose message is formatted as [fmt.Sprintf] does, with nothing in it that
// does not print.
func Keep(code KeptCode, path, format string, args ...any) Kept {
	return Kept{shown.Text(path), code, shown.Text(fmt.Sprintf(format, args...))}
}

// String returns the line to report.
func (k Kept) String() string { return fmt.Sprintf("%s: %s [%s]", k.Path, k.Message, k.Code) }

// KeptCode says why something is kept. A format has codes of its own beside these.
type KeptCode string

// The codes that every format has.
const (
	KeptConflict KeptCode = "conflict" // it stands where a file of ours belongs
	KeptForeign  KeptCode = "foreign"  // pullroute did not write it, and its client reads it
	KeptStale    KeptCode = "stale"    // ours, and the files no longer have it; the options ask to keep it
)

var (
	// ErrConflict is wrapped by the error about a file that is not written, because something that
	// pullroute did not write stands in its place. What the file says, such as NeverContactSource,
	// then does not hold on the node. The error comes again until somebody removes what is in the
	// way.
	ErrConflict = errors.New("another hand's file is in the way")
	// ErrWaits is wrapped by the error about files that are left as they are, because another file
	// failed and they would mean something else without it. They are done once the other file is
	// mended.
	ErrWaits = errors.New("waits for another")
)
