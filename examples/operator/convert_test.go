package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestObjectsAreReadAsTheyWereAtOneMoment(t *testing.T) {
	c := newCluster(t)
	c.create(digestMirrors("moves"))
	stop, moves := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { moves <- n }()
		for {
			for _, step := range []func() error{
				func() error { return c.Create(c.ctx, tagMirrors("moves")) },
				func() error { return c.Delete(c.ctx, digestMirrors("moves")) },
				func() error { return c.Create(c.ctx, digestMirrors("moves")) },
				func() error { return c.Delete(c.ctx, tagMirrors("moves")) },
			} {
				select {
				case <-stop:
					return
				default:
				}
				if err := step(); err != nil {
					t.Error(err)
					return
				}
			}
			n += 2
		}
	}()
	neither, both := 0, 0
	for range 1000 {
		objects, err := readObjects(c.ctx, c)
		if !assert.NoError(t, err) {
			break
		}
		switch len(objects.ImageDigestMirrorSets.Items) + len(objects.ImageTagMirrorSets.Items) {
		case 0:
			neither++
		case 2:
			both++
		}
	}
	close(stop)
	t.Logf("1000 readings, %d of them of both objects, while they moved %d times", both, <-moves)
	require.Zero(t, neither, "there was no moment without either")
}
