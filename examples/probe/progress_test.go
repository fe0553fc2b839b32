package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal returns a terminal, and what is shown on it by now.
func terminal(t *testing.T) (of *os.File, shown func() string) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	of, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { of.Close(); master.Close() })
	chunks := make(chan string, 1000)
	go func() {
		for {
			b := make([]byte, 4096)
			n, err := master.Read(b)
			if err != nil {
				return
			}
			chunks <- string(b[:n])
		}
	}()
	var all strings.Builder
	return of, func() string {
		for {
			select {
			case chunk := <-chunks:
				all.WriteString(chunk)
			case <-time.After(200 * time.Millisecond):
				return all.String()
			}
		}
	}
}

func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	w := newWorld(t)
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource", "m.corp/team"))
	args := []string{"--platform", "linux", "-f", input, "quay.io/team/a:1", "quay.io/team/b:1", "quay.io/team/c:1"}
	screen, shown := terminal(t)
	var out bytes.Buffer
	require.Equal(t, 1, runWith(context.Background(), &options{dial: w.dial}, args, strings.NewReader(""), &out, screen))
	require.Contains(t, shown(), "\r3 of 3 images asked for")
	require.True(t, strings.HasSuffix(shown(), "\r\x1b[K"), "the line is cleared")
	require.NotContains(t, out.String(), "asked for")

	code, _, messages := w.probe(args...)
	require.Equal(t, 1, code)
	require.Empty(t, messages)
}
