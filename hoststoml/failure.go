package hoststoml

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/nodefiles"
)

// A RegistryError says why the files of one registry are not on a node as the tree has them. They
// are as they were, or, after an operation that failed, already the new ones.
type RegistryError struct {
	Registry string // the host
	Err      error  // what is wrong, and what to do
}

func (e *RegistryError) Error() string { return fmt.Sprintf("registry %q: %v", e.Registry, e.Err) }

// Unwrap returns Err.
func (e *RegistryError) Unwrap() error { return e.Err }

// RegistryErrors returns the errors of single registries that an error of [Diff] or of an Apply is
// made of, in their order, so that each can be asked what it is about. An error that wraps that of
// a context has those that came before it.
func RegistryErrors(err error) []*RegistryError {
	switch e := err.(type) {
	case *RegistryError:
		return []*RegistryError{e}
	case interface{ Unwrap() []error }:
		var all []*RegistryError
		for _, part := range e.Unwrap() {
			all = append(all, RegistryErrors(part)...)
		}
		return all
	case interface{ Unwrap() error }:
		return RegistryErrors(e.Unwrap())
	}
	return nil
}

var (
	// ErrName is wrapped by the error of a registry whose files cannot have their names on the
	// node. It lasts as long as the tree has that registry.
	ErrName = errors.New("cannot be the name of a file on every node")
	// ErrSameDirectory is wrapped by the error of a registry whose directory is that of another
	// registry of the tree: the same one named twice, or, where the node takes names that differ in
	// letter case for one, another spelling. The file that keeps containerd from the registry is
	// the one that is put there; else the first. It lasts as long as the tree has both.
	ErrSameDirectory = errors.New("has the same directory as another registry of the tree")
)

// progress knows which registries have failed, and which operations are not safe after that. Otherwise a
// registry would be governed by something that is neither its old file nor its new one.
//
// Two wait for another registry: "_default", while it decides for a registry whose file could not
// be put, and a registry to be removed, for which a "_default" that could not be put would decide.
// Their errors wrap [nodefiles.ErrWaits].
type progress struct {
	failed map[string]bool
	errs   []error
	waits  string // a registry without a file that failed; "_default" decides for it
	other  bool   // "_default" is another hand's, in the place of the tree's
}

func (p *progress) fail(registry string, err error) {
	if p.failed == nil {
		p.failed = map[string]bool{}
	}
	p.failed[registry] = true
	p.errs = append(p.errs, &RegistryError{registry, err})
}

// waitFor has "_default" left as it is until the registry has its file.
func (p *progress) waitFor(registry string) {
	if p.waits == "" {
		p.waits = registry
	}
}

// stays notes that another hand's files stand in the place of a registry's.
func (p *progress) stays(registry string) { p.other = p.other || registry == "_default" }

// allows reports whether an operation is safe. The first that is not, of each registry, is an error.
func (p *progress) allows(o Operation) bool {
	switch {
	case p.failed[o.Registry]:
		return false
	case p.waits != "" && o.Registry == "_default" && o.Action != nodefiles.ActionClean:
		p.fail(o.Registry, fmt.Errorf("%w registry: it stays as it is, because it decides for %q, whose "+
			"file could not be put: mend that first", nodefiles.ErrWaits, p.waits))
		return false
	case o.uncovers && (p.failed["_default"] || p.other):
		p.fail(o.Registry, fmt.Errorf("%w registry: it is not removed, because %q would decide for it, "+
			"which could not be put: mend that first", nodefiles.ErrWaits, "_default"))
		return false
	}
	return true
}

func (p *progress) err() error { return errors.Join(p.errs...) }

// mostBusy is how many registries are waited for in vain. What holds that many, a right that is missing
// for one, holds them for longer, and the others would wait for all of them.
const mostBusy = 5

// patience is what is left of a retry after calls that failed.
type patience struct {
	retry nodefiles.Retry
	busy  int
}

// after returns the retry of the calls that follow one that failed.
func (p *patience) after(err error) nodefiles.Retry {
	if errors.Is(err, nodefiles.ErrBusy) {
		p.busy++
	}
	if p.busy >= mostBusy {
		return nodefiles.Retry{Attempts: 1}
	}
	return p.retry
}

// forbids reports whether the file keeps containerd from the registry itself: its server is another
// one, and no host of it that may pull is the registry. So it is for NeverContactSource and for
// blocked registries, whoever wrote the file. Of "_default" it is not known which registry that is.
func (r *RegistryFile) forbids() bool {
	if r.File == nil || r.File.Server == "" {
		return false
	}
	own := network.Host(r.Host)
	return !slices.ContainsFunc(r.targets(), func(e endpointSettings) bool {
		return e.location == own
	})
}
