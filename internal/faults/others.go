package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/nodefiles"
)

// partial is a Site on which calls for one registry fail, and all others are done. A sync of
// config_path itself is for the registry of the call before it.
type partial struct {
	Site
	registry string
	always   bool // every rename fails; else the call of this number, the first being 1, and no other
	stopAt   int
	done     bool // the call is done all the same, and the answer gets lost
	last     string
	calls    int // for the registry
	failed   int
	seen     map[string]int // calls by registry
	examine  func()
}

func (p *partial) call(name string, rename bool, do func() error) error {
	if dir, _, _ := strings.Cut(name, "/"); dir != "." {
		dir, _, _ = strings.Cut(strings.TrimPrefix(dir, "."), "~")
		p.last, _ = hoststoml.HostFromDir(dir)
	}
	p.seen[p.last]++
	if p.last == p.registry {
		if p.calls++; p.always && rename || p.calls == p.stopAt {
			p.failed++
			var err error
			if p.done {
				err = do()
				p.examine()
			}
			return errors.Join(errStopped, err)
		}
	}
	err := do()
	p.examine()
	return err
}

func (p *partial) Mkdir(ctx context.Context, name string) error {
	return p.call(name, false, func() error { return p.Site.Mkdir(ctx, name) })
}

func (p *partial) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	return p.call(name, false, func() error { return p.Site.WriteFile(ctx, name, data, perm) })
}

func (p *partial) Rename(ctx context.Context, from, to string) error {
	return p.call(from, true, func() error { return p.Site.Rename(ctx, from, to) })
}

func (p *partial) Remove(ctx context.Context, name string) error {
	return p.call(name, false, func() error { return p.Site.Remove(ctx, name) })
}

func (p *partial) Sync(ctx context.Context, dir string) error {
	return p.call(path.Clean(dir), false, func() error { return p.Site.Sync(ctx, dir) })
}

// TryOthers replaces the files of a case with one registry failing, for each registry and in every
// way: its renames always, and each of its calls once, done or not done. Every state in between is
// looked at, and at the end the registries that have a file in the new tree have it, all but the
// failing one. What the tree does not hold is removed, too, unless "_default" changes. A run
// without a fault has to finish.
func TryOthers(c Case, fresh func(Case) (Site, error)) (Count, error) {
	o := others{c: c, fresh: fresh, hosts: c.hosts(), linked: map[string]bool{}}
	// What is governed by another registry's file, through a symbolic link, shares its fate.
	for name, content := range c.Node {
		if host, ok := hostOf(name); ok && strings.HasPrefix(content, "-> ") {
			o.linked[host] = true
		}
	}
	if err := o.plain(); err != nil {
		return o.count, fmt.Errorf("%s: %w", c.Name, err)
	}
	for registry, calls := range o.calls {
		for _, p := range variants(registry, calls) {
			if err := o.try(p); err != nil {
				return o.count, fmt.Errorf("%s: with %s failing (always %v, call %d, done %v): %w", c.Name,
					registry, p.always, p.stopAt, p.done, err)
			}
		}
	}
	return o.count, nil
}

// others is a case with what it leads to where no registry fails.
type others struct {
	c        Case
	fresh    func(Case) (Site, error)
	hosts    []string
	linked   map[string]bool // hosts whose directory is a symbolic link
	count    Count
	old, new map[string]string // what governs before and after
	end      string            // the files after
	conflict bool
	calls    map[string]int // by registry
}

func (o *others) apply(t nodefiles.Transport) error {
	_, err := o.c.New.Apply(context.Background(), t, o.c.Options)
	return err
}

// plain makes the run in which no registry fails.
func (o *others) plain() error {
	start, err := o.fresh(o.c)
	if err != nil {
		return err
	}
	o.old = start.Governs(o.hosts)
	p := &partial{Site: start, seen: map[string]int{}, examine: func() {}}
	err = o.apply(p)
	if o.conflict = errors.Is(err, nodefiles.ErrConflict); err != nil && !o.conflict {
		return err
	}
	o.new, o.end, o.calls = start.Governs(o.hosts), start.Listing(), p.seen
	return start.Close()
}

// try makes a run in which a registry fails, and one in which none does.
func (o *others) try(p *partial) error {
	s, err := o.fresh(o.c)
	if err != nil {
		return err
	}
	defer s.Close()
	p.Site, p.seen = s, map[string]int{}
	p.examine = func() { o.examine(p) }
	err = o.apply(p)
	if p.failed == 0 {
		return nil // it has no such call
	}
	o.count.Runs++
	if err := o.failsAlone(p, err); err != nil {
		return err
	}
	if err := o.othersDone(p); err != nil {
		return err
	}
	if err := o.apply(s); errors.Is(err, nodefiles.ErrConflict) != o.conflict || err != nil && !o.conflict {
		return fmt.Errorf("again: %w", err)
	}
	if got := s.Listing(); got != o.end {
		return fmt.Errorf("again, it ends with\n%s\ninstead of\n%s", got, o.end)
	}
	return nil
}

// examine looks at a state in between.
func (o *others) examine(p *partial) {
	o.count.States++
	for host, now := range p.Site.Governs(o.hosts) {
		if now != o.old[host] && now != o.new[host] && !o.linked[host] {
			o.count.add("%s: %s fails (always %v, call %d): %s is governed by\n%s\nwhich is neither the "+
				"old\n%s\nnor the new\n%s",
				o.c.Name, p.registry, p.always, p.stopAt, host, now, o.old[host], o.new[host])
		}
	}
}

// failsAlone reports whether the error of a run is about the failing registry, and those that wait
// for it.
func (o *others) failsAlone(p *partial, err error) error {
	if !errors.Is(err, errStopped) {
		return fmt.Errorf("the replacement does not return it, but %v", err)
	}
	for _, e := range hoststoml.RegistryErrors(err) {
		switch {
		case errors.Is(e, errStopped) && e.Registry == p.registry, errors.Is(e, nodefiles.ErrWaits),
			o.conflict && errors.Is(e, nodefiles.ErrConflict):
		default:
			return fmt.Errorf("another registry fails too: %w", e)
		}
	}
	return nil
}

// othersDone reports whether the other registries are governed by what they are to be.
func (o *others) othersDone(p *partial) error {
	for host, now := range p.Site.Governs(o.hosts) {
		if host == p.registry || o.linked[host] || now == o.new[host] {
			continue
		}
		inTree := slices.ContainsFunc(o.c.New, func(rf hoststoml.RegistryFile) bool { return rf.Host == host })
		if inTree || o.calls["_default"] == 0 {
			return fmt.Errorf("%s is held back: it is governed by\n%s\ninstead of\n%s", host, now, o.new[host])
		}
	}
	return nil
}

// variants are the ways in which a registry with so many calls can fail.
func variants(registry string, calls int) []*partial {
	all := []*partial{{registry: registry, always: true}}
	for i := range calls {
		all = append(all, &partial{registry: registry, stopAt: i + 1},
			&partial{registry: registry, stopAt: i + 1, done: true})
	}
	return all
}
