package hoststoml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// Diff returns what has to be done on a node for the tree to stand in its config_path: one
// operation after the other, each safe to be the last one. containerd reads the directory at every
// pull, so at every moment each registry is governed by its old file or by its new one, whole:
//
//   - A file that exists is replaced by a temporary one, on disk by then, that is renamed over it. One that
//     has its content already is not touched.
//   - The directory of a new registry is made under a name that no host has, ".quay.io~new", and renamed
//     into place with everything in it: already an empty directory would hide "_default", and send pulls to
//     the registry itself.
//   - A directory that goes is renamed, to ".quay.io~old", before it is emptied, for the same reason.
//   - New and changed registries come first, then "_default", and then what is removed. Before its file
//     appears, and after it is gone, "_default" decides for a registry; in this order it is the old one
//     before, and the new one after.
//   - HOST:PORT, which containerd reads where there is no HOST_PORT_, is removed before HOST_PORT_ is, or
//     it would count in between.
//   - Files beside a hosts.toml are written before it, and removed at the end.
//
// Registries whose file keeps containerd from the registry itself, those under NeverContactSource
// and the blocked ones, come before the others.
//
// After an interruption, read the node and ask again: what is done is not asked for a second time,
// and what is left under temporary names is removed. There must not be two runs on a node at a
// time.
//
// What pullroute did not write stays as it is unless the Options say otherwise, and is in Kept.
// Pullroute wrote a hosts.toml that has the Marker at its top, so give it to files that do not come
// from Render; and it wrote the files beside it that have a name of [ExtraName]. Symbolic links are
// another hand's, always.
//
// The error is about registries that the change leaves as they are, because the node cannot hold
// their files ([ErrName], [ErrSameDirectory]), or because it could not be read what it has for
// them. It is made of one [RegistryError] for each. The operations for all other registries are in
// the change: one registry never holds back another, except that "_default" waits for those that it
// decides for as long as they have no file, and what is removed waits for "_default"
// ([nodefiles.ErrWaits]).
func Diff(old *Node, new Tree, o Options) (Change, error) {
	if old == nil {
		old = &Node{}
	}
	d := newDiffer(old, o)
	new = slices.Clone(new)
	slices.SortStableFunc(new, func(a, b RegistryFile) int {
		return cmp.Or(
			compareBool(a.Host == "_default", b.Host == "_default"),
			compareBool(!a.forbids(), !b.forbids()),
			cmp.Compare(a.Host, b.Host),
		)
	})
	for _, rf := range new {
		err := d.check(rf)
		if !d.wants(Dir(rf.Host)) {
			d.wanted[d.key(Dir(rf.Host))] = rf.Host
		}
		if err != nil {
			d.fail(rf.Host, err)
			continue
		}
		d.put(rf)
	}
	for _, e := range d.gone() {
		d.remove(e)
	}
	d.operations = append(d.operations, d.last...)
	d.cleanUp()
	d.operations = slices.DeleteFunc(d.operations, func(o Operation) bool { return !d.progress.allows(o) })
	slices.SortStableFunc(d.kept, func(a, b nodefiles.Kept) int { return cmp.Compare(a.Path, b.Path) })
	return Change{d.operations, d.kept}, d.progress.err()
}

// Options are what a replacement may do beyond the files that pullroute wrote, and how it is done.
// The zero value leaves other hands' files alone and removes what the tree no longer holds.
type Options struct {
	// Overwrite replaces a hosts.toml that pullroute did not write, where the tree has one for the
	// registry. Otherwise that file stays, and is a conflict.
	Overwrite bool
	// TakeOverWMCO takes a hosts.toml that has the shape of those that the Windows Machine Config
	// Operator writes for one that pullroute wrote: it is replaced, and removed where the tree has none
	// for its registry. It is for the first Apply on a node that this operator has kept so far, and
	// which it keeps no longer; what is there afterwards carries the [Marker].
	TakeOverWMCO bool
	// Purge removes the directories of registries that the tree does not hold, whoever wrote them, with
	// everything in them.
	Purge bool
	// KeepStale leaves the files that pullroute wrote for registries that the tree does not hold,
	// with or without Purge.
	KeepStale bool
	// Platform says what the node runs. [finding.Windows] takes names that differ in letter case
	// for one, and has names of devices, such as aux.example.com, that no directory can have. Any
	// other platform has neither. Where it is empty the node may have Windows: names of devices are
	// refused, and whether letter case counts is found out from the directories that the node has.
	Platform finding.Platform
	// Retry is for nodes with Windows. After five registries that were waited for in vain the others
	// are tried once.
	Retry nodefiles.Retry
}

// A Change is what Diff returns. Printing it shows no content.
type Change struct {
	Operations []Operation      `json:"operations"` // in this order
	Kept       []nodefiles.Kept `json:"kept"`       // by path
}

// Err returns an error that wraps [nodefiles.ErrConflict] if files of the tree were left out for
// what stands in their place, and nil otherwise. It is made of one [RegistryError] for each.
func (c Change) Err() error {
	var all []error
	for _, k := range c.Kept {
		if k.Code == nodefiles.KeptConflict {
			dir, _, _ := strings.Cut(k.Path, "/")
			host, _ := HostFromDir(dir)
			all = append(all, &RegistryError{host, fmt.Errorf("%s: %w: %s; apply again once it is out of the "+
				"way", k.Path, nodefiles.ErrConflict, k.Message)})
		}
	}
	return errors.Join(all...)
}

// An Operation is one call of a [nodefiles.Transport]. Printing it shows no content.
type Operation struct {
	nodefiles.Operation
	// Registry is the host that the operation is for, and Action what becomes of its files.
	Registry string           `json:"registry"`
	Action   nodefiles.Action `json:"action"`

	// covers: until the operation is done, "_default" decides for the registry. uncovers: after it,
	// "_default" does.
	covers, uncovers bool
}

// The reasons for which something is kept, beside those that every format has.
const (
	KeptHidden    nodefiles.KeptCode = "hidden"    // another hand's HOST:PORT, which HOST_PORT_ hides
	KeptBeside    nodefiles.KeptCode = "beside"    // another hand's, in the directory of a file of the tree
	KeptDirectory nodefiles.KeptCode = "directory" // the hosts.toml is removed, other files in the directory are not
	KeptOther     nodefiles.KeptCode = "other"     // nothing that containerd reads
)

// compareBool orders false before true.
func compareBool(a, b bool) int { return strings.Compare(strconv.FormatBool(a), strconv.FormatBool(b)) }
