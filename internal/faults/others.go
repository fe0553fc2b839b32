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
)

// partial is a Site on which calls for one registry fail, and all others are done. A sync of config_path itself is
// for the registry of the call before it.
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

// TryOthers replaces the files of a case with one registry failing, for each registry and in every way: its renames
// always, and each of its calls once, done or not done. Every state in between is looked at, and at the end the
// registries that have a file in the new tree have it, all but the failing one. What the tree does not hold is
// removed, too, unless "_default" changes. A run without a fault has to finish.
func TryOthers(c Case, fresh func(Case) (Site, error)) (Count, error) {
	var count Count
	start, err := fresh(c)
	if err != nil {
		return count, err
	}
	hosts := c.hosts()
	old := start.Governs(hosts)
	plain := &partial{Site: start, seen: map[string]int{}, examine: func() {}}
	_, err = c.New.Apply(context.Background(), plain, c.Options)
	conflict := errors.Is(err, hoststoml.ErrConflict)
	if err != nil && !conflict {
		return count, fmt.Errorf("%s: %w", c.Name, err)
	}
	new, end := start.Governs(hosts), start.Listing()
	if err := start.Close(); err != nil {
		return count, err
	}
	if len(plain.seen) == 0 {
		return count, nil
	}
	// What is governed by another registry's file, through a symbolic link, shares its fate.
	linked := map[string]bool{}
	for name, content := range c.Node {
		if host, ok := hostOf(name); ok && strings.HasPrefix(content, "-> ") {
			linked[host] = true
		}
	}
	inTree := func(host string) bool {
		return slices.ContainsFunc(c.New, func(rf hoststoml.RegistryFile) bool { return rf.Host == host })
	}

	try := func(p *partial) error {
		s, err := fresh(c)
		if err != nil {
			return err
		}
		defer s.Close()
		p.Site, p.seen = s, map[string]int{}
		p.examine = func() {
			count.States++
			for host, now := range s.Governs(hosts) {
				if now != old[host] && now != new[host] && !linked[host] {
					count.add("%s: %s fails (always %v, call %d): %s is governed by\n%s\nwhich is neither the old\n%s\nnor the new\n%s", c.Name, p.registry, p.always, p.stopAt, host, now, old[host], new[host])
				}
			}
		}
		_, err = c.New.Apply(context.Background(), p, c.Options)
		if p.failed == 0 {
			return nil // it has no such call
		}
		count.Runs++
		if !errors.Is(err, errStopped) {
			return fmt.Errorf("the replacement does not return it, but %v", err)
		}
		for _, e := range hoststoml.RegistryErrors(err) {
			switch {
			case errors.Is(e, errStopped) && e.Registry == p.registry, errors.Is(e, hoststoml.ErrWaits), conflict && errors.Is(e, hoststoml.ErrConflict):
			default:
				return fmt.Errorf("another registry fails too: %w", e)
			}
		}
		for host, now := range s.Governs(hosts) {
			if host == p.registry || linked[host] || now == new[host] {
				continue
			}
			if inTree(host) || plain.seen["_default"] == 0 {
				return fmt.Errorf("%s is held back: it is governed by\n%s\ninstead of\n%s", host, now, new[host])
			}
		}
		_, err = c.New.Apply(context.Background(), s, c.Options)
		if errors.Is(err, hoststoml.ErrConflict) != conflict || err != nil && !conflict {
			return fmt.Errorf("again: %w", err)
		}
		if got := s.Listing(); got != end {
			return fmt.Errorf("again, it ends with\n%s\ninstead of\n%s", got, end)
		}
		return nil
	}
	for registry, calls := range plain.seen {
		for _, p := range variants(registry, calls) {
			if err := try(p); err != nil {
				return count, fmt.Errorf("%s: with %s failing (always %v, call %d, done %v): %w", c.Name, registry, p.always, p.stopAt, p.done, err)
			}
		}
	}
	return count, nil
}

// variants are the ways in which a registry with so many calls can fail.
func variants(registry string, calls int) []*partial {
	all := []*partial{{registry: registry, always: true}}
	for i := range calls {
		all = append(all, &partial{registry: registry, stopAt: i + 1}, &partial{registry: registry, stopAt: i + 1, done: true})
	}
	return all
}
