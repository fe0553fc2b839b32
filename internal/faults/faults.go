// Package faults stops a replacement of a node's files wherever it can be stopped, and asks a
// reader each time what governs every registry, or what every file says: the old, the new, or,
// which is a gap, something else.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/nodefiles"
)

// A Site is a directory that can be changed, and looked at as its client does.
type Site interface {
	nodefiles.Transport
	// Governs says what each of these, registries or files, is governed by at this moment. Equal
	// texts mean the same.
	Governs(watched []string) map[string]string
	// Listing returns all files and directories with their content.
	Listing() string
	Close() error
}

// Count is what was looked at.
type Count struct {
	Runs   int // with a fault each
	States int // of a directory between two calls
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

func (s *site) List(ctx context.Context, dir string) (entries []nodefiles.DirEntry, err error) {
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

// A Replacement is one that is to be tried.
type Replacement struct {
	Name    string
	Watched []string // registries, or files
	Apply   func(context.Context, nodefiles.Transport) error
	// Left returns what a further Apply would still do, as a text; empty for nothing.
	Left func(context.Context, nodefiles.Transport) (string, error)
}

// Try replaces the files of a case; see [Replacement.Try].
func Try(c Case, fresh func(Case) (Site, error)) (Count, error) {
	return Replacement{
		Name: c.Name, Watched: c.hosts(),
		Apply: func(ctx context.Context, t nodefiles.Transport) error {
			_, err := c.New.Apply(ctx, t, c.Options)
			return err
		},
		Left: func(ctx context.Context, t nodefiles.Transport) (string, error) {
			node, err := hoststoml.ReadNode(ctx, t)
			if err != nil {
				return "", err
			}
			change, err := hoststoml.Diff(node, c.New, c.Options)
			if len(change.Operations) == 0 {
				return "", err
			}
			return fmt.Sprint(change.Operations), err
		},
	}.Try(func() (Site, error) { return fresh(c) })
}

// Try replaces the files once without a fault, and once with every fault at every call, looking at
// every state in between. Each run with a fault is followed by one without, which has to finish. fresh
// returns the node before the change. The error is about the replacement itself.
func (r Replacement) Try(fresh func() (Site, error)) (Count, error) {
	t := trial{Replacement: r, fresh: fresh}
	if err := t.plain(); err != nil {
		return t.count, fmt.Errorf("%s: %w", r.Name, err)
	}
	for stopAt := 1; ; stopAt++ {
		for f := notDone; f < kinds; f++ {
			w, err := t.stopAndFinish(stopAt, f)
			if err != nil {
				return t.count, fmt.Errorf("%s: with a fault at call %d: %w", r.Name, stopAt, err)
			}
			if !w.stopped {
				return t.count, nil
			}
			t.count.Runs++
			if !w.changing {
				break // the other faults are about calls that change something
			}
		}
	}
}

// A trial is a Replacement with what it leads to without a fault.
type trial struct {
	Replacement
	fresh    func() (Site, error)
	count    Count
	old, new map[string]string // what governs before and after
	end      string            // the files after
	conflict bool
}

// as reports an error that is not the one of the first run without a fault.
func (t *trial) as(err error) error {
	if conflict := errors.Is(err, nodefiles.ErrConflict); conflict != t.conflict || err != nil && !conflict {
		return fmt.Errorf("once with, once without %w", err)
	}
	return nil
}

// plain makes two runs without a fault: one that tells what is to come out, and one that is looked at.
func (t *trial) plain() error {
	start, err := t.fresh()
	if err != nil {
		return err
	}
	t.old = start.Governs(t.Watched)
	err = t.Apply(context.Background(), start)
	if t.conflict = errors.Is(err, nodefiles.ErrConflict); err != nil && !t.conflict {
		return err
	}
	t.new, t.end = start.Governs(t.Watched), start.Listing()
	if err := start.Close(); err != nil {
		return err
	}
	s, err := t.fresh()
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = t.run(s, 0, none)
	return t.as(err)
}

// run makes a run that is looked at, and stops at a call.
func (t *trial) run(s Site, stopAt int, f fault) (*site, error) {
	w := &site{Site: s, stopAt: stopAt, fault: f}
	w.examine = func() {
		t.count.States++
		for name, now := range s.Governs(t.Watched) {
			if now != t.old[name] && now != t.new[name] {
				t.count.add("%s: call %d, to stop at %d (%d): %s is governed by\n%s\nwhich is neither the "+
					"old\n%s\nnor the new\n%s",
					t.Name, w.calls, stopAt, f, name, now, t.old[name], t.new[name])
			}
		}
	}
	return w, t.Apply(context.Background(), w)
}

// stopAndFinish makes a run with a fault and one without.
func (t *trial) stopAndFinish(stopAt int, f fault) (*site, error) {
	s, err := t.fresh()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	w, err := t.run(s, stopAt, f)
	if !w.stopped {
		return w, nil
	}
	if w.changing && !errors.Is(err, errStopped) {
		return w, fmt.Errorf("the replacement does not return it, but %v", err)
	}
	_, err = t.run(s, 0, none)
	if err := t.as(err); err != nil {
		return w, fmt.Errorf("again: %w", err)
	}
	if got := s.Listing(); got != t.end {
		return w, fmt.Errorf("again, it ends with\n%s\ninstead of\n%s", got, t.end)
	}
	if left, err := t.Left(context.Background(), s); err != nil || left != "" {
		return w, fmt.Errorf("a third time there is still something to do: %s, %v", left, err)
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
