package nodefiles

import (
	"context"
	"errors"
	"time"
)

// Retry says how often a call that fails with [ErrBusy] is repeated, be it one that reads or one that
// changes something. A client reads a file in well under a millisecond, but many pulls may start at
// once, and virus scanners take longer.
type Retry struct {
	// Attempts are all calls, the first included. Zero means 20.
	Attempts int
	// Pause lies between two calls. Zero means 50 milliseconds, so that 20 attempts take about a second.
	Pause time.Duration
}

// Do makes a call, and makes it again while it fails with ErrBusy.
func (r Retry) Do(ctx context.Context, call func() error) error {
	if r.Attempts <= 0 {
		r.Attempts = 20
	}
	if r.Pause <= 0 {
		r.Pause = 50 * time.Millisecond
	}
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := call()
		if !errors.Is(err, ErrBusy) || attempt >= r.Attempts {
			return err
		}
		pause := time.NewTimer(r.Pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}
