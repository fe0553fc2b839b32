// Package faults stops a replacement of hosts.toml files wherever it can be stopped, and asks a reader each
// time what governs every registry: its old file, its new one, or, which is a gap, something else.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
)

// A Site is a config_path that can be changed, and looked at as containerd does.
type Site interface {
	hoststoml.Transport
	// Governs says what each registry is governed by at this moment. Equal texts mean the same.
	Governs(hosts []string) map[string]string
	// Listing returns all files and directories with their content.
	Listing() string
	Close() error
}

// Count is what was looked at.
type Count struct {
	Runs   int // with a fault each
	States int // a config_path between two calls
	Gaps   int
	First  string // one of the gaps
}

func (c *Count) add(format string, args ...any) {
	c.Gaps++
	if c.First == "" {
		c.First = fmt.Sprintf(format, args...)
	}
}

// faults are what may become of a call.
type fault int

const (
	none    fault = iota
	notDone       // it fails
	done          // it is done, and the answer gets lost
	empty         // of a file: it is there, without content
	half          // of a file: the first half of it
	kinds
)

var errStopped = errors.New("stopped here")

// site counts the calls of a Site that change it, and stops at one.
type site struct {
	Site
	calls    int
	stopAt   int
	fault    fault
	stopped  bool
	changing bool // of the call stopped at
	examine  func()
}

func (s *site) call(changes, writes bool, do func() error) error {
	s.calls++
	if s.calls == s.stopAt {
		s.stopped, s.changing = true, changes
		if s.fault == notDone || !changes || !writes && s.fault != done {
			return errStopped
		}
		err := do()
		s.see()
		return errors.Join(errStopped, err)
	}
	if s.stopAt > 0 && s.calls > s.stopAt {
		return errors.New("called after a call that failed")
	}
	err := do()
	if changes {
		s.see()
	}
	return err
}

func (s *site) see() {
	if s.examine != nil {
		s.examine()
	}
}

func (s *site) List(ctx context.Context, dir string) (entries []hoststoml.Entry, err error) {
	err = s.call(false, false, func() error { entries, err = s.Site.List(ctx, dir); return err })
	return entries, err
}

func (s *site) ReadFile(ctx context.Context, name string) (data []byte, err error) {
	err = s.call(false, false, func() error { data, err = s.Site.ReadFile(ctx, name); return err })
	return data, err
}

func (s *site) Mkdir(ctx context.Context, name string) error {
	return s.call(true, false, func() error { return s.Site.Mkdir(ctx, name) })
}

func (s *site) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	if s.calls+1 == s.stopAt {
		switch s.fault {
		case empty:
			data = nil
		case half:
			data = data[:len(data)/2]
		}
	}
	return s.call(true, true, func() error { return s.Site.WriteFile(ctx, name, data, perm) })
}

func (s *site) Rename(ctx context.Context, from, to string) error {
	return s.call(true, false, func() error { return s.Site.Rename(ctx, from, to) })
}

func (s *site) Remove(ctx context.Context, name string) error {
	return s.call(true, false, func() error { return s.Site.Remove(ctx, name) })
}

func (s *site) Sync(ctx context.Context, dir string) error {
	return s.call(true, false, func() error { return s.Site.Sync(ctx, dir) })
}

// Try replaces the files of a case once without a fault, and once with every fault at every call, looking at
// every state in between. Each run with a fault is followed by one without, which has to finish. fresh
// returns the node before the change. The error is about the replacement itself.
func Try(c Case, fresh func(Case) (Site, error)) (Count, error) {
	var count Count
	start, err := fresh(c)
	if err != nil {
		return count, err
	}
	hosts := c.hosts()
	old := start.Governs(hosts)
	_, err = c.New.Apply(context.Background(), start, c.Options)
	conflict := errors.Is(err, hoststoml.ErrConflict)
	if err != nil && !conflict {
		return count, fmt.Errorf("%s: %w", c.Name, err)
	}
	new := start.Governs(hosts)
	end := start.Listing()
	if err := start.Close(); err != nil {
		return count, err
	}

	// examiner returns what looks at a site.
	examiner := func(s Site, what func() string) func() {
		return func() {
			count.States++
			for host, now := range s.Governs(hosts) {
				if now != old[host] && now != new[host] {
					count.add("%s: %s: %s is governed by\n%s\nwhich is neither the old\n%s\nnor the new\n%s", c.Name, what(), host, now, old[host], new[host])
				}
			}
		}
	}
	run := func(s Site, stopAt int, f fault) (*site, error) {
		w := &site{Site: s, stopAt: stopAt, fault: f}
		w.examine = examiner(s, func() string { return fmt.Sprintf("call %d, to stop at %d (%d)", w.calls, stopAt, f) })
		_, err := c.New.Apply(context.Background(), w, c.Options)
		return w, err
	}

	s, err := fresh(c)
	if err != nil {
		return count, err
	}
	defer s.Close()
	if _, err := run(s, 0, none); errors.Is(err, hoststoml.ErrConflict) != conflict || err != nil && !conflict {
		return count, fmt.Errorf("%s: once with, once without %w", c.Name, err)
	}
	for stopAt := 1; ; stopAt++ {
		for f := notDone; f < kinds; f++ {
			w, err := stopAndFinish(c, fresh, run, stopAt, f, conflict, end)
			if err != nil {
				return count, fmt.Errorf("%s: with a fault at call %d: %w", c.Name, stopAt, err)
			}
			if !w.stopped {
				return count, nil
			}
			count.Runs++
			if !w.changing {
				break // the other faults are about calls that change something
			}
		}
	}
}

// stopAndFinish makes a run with a fault and one without.
func stopAndFinish(c Case, fresh func(Case) (Site, error), run func(Site, int, fault) (*site, error), stopAt int, f fault, conflict bool, end string) (*site, error) {
	s, err := fresh(c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	w, err := run(s, stopAt, f)
	if !w.stopped {
		return w, nil
	}
	if w.changing && !errors.Is(err, errStopped) {
		return w, fmt.Errorf("the replacement does not return it, but %v", err)
	}
	if _, err := run(s, 0, none); errors.Is(err, hoststoml.ErrConflict) != conflict || err != nil && !conflict {
		return w, fmt.Errorf("again: %w", err)
	}
	if got := s.Listing(); got != end {
		return w, fmt.Errorf("again, it ends with\n%s\ninstead of\n%s", got, end)
	}
	again, err := hoststoml.ReadNode(context.Background(), s)
	if err != nil {
		return w, err
	}
	if change, err := hoststoml.Diff(again, c.New, c.Options); err != nil || len(change.Operations) > 0 {
		return w, fmt.Errorf("a third time there is still something to do: %v, %v", change.Operations, err)
	}
	return w, nil
}

func (c Case) hosts() []string {
	hosts := []string{"elsewhere.io", "elsewhere.io:5000"}
	for name := range c.Node {
		if dir, ok := hostOf(name); ok {
			hosts = append(hosts, dir)
		}
	}
	for _, rf := range c.New {
		if rf.Host != "_default" {
			hosts = append(hosts, rf.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
