package main

import (
	"slices"
	"sync"
)

// A lane is what slow nodes share: some workers and no more. Who finds it full comes again, and
// gets in before all who found it full later, so that a node that was slow once is not kept out by
// those that always are.
type lane struct {
	mu      sync.Mutex
	size    int
	busy    int
	waiting []string
}

// enter reports whether a node gets in; leave has to follow then.
func (l *lane) enter(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := slices.Index(l.waiting, node)
	if place < 0 {
		place = len(l.waiting)
		l.waiting = append(l.waiting, node)
	}
	if l.busy+place >= l.size {
		return false
	}
	l.waiting = slices.Delete(l.waiting, place, place+1)
	l.busy++
	return true
}

func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
}

// forget is for a node that does not come again.
func (l *lane) forget(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(n string) bool { return n == node })
}
