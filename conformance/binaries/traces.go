//go:build binaries

package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
)

// Trace is what a program printed of a pull at level debug, both of its outputs, and what the registries saw.
type Trace struct {
	Log      string
	Requests []world.Request
	Err      error
}

// trace runs a program, with the requests of the world reset before.
func (s *Sandbox) trace(ctx context.Context, env []string, name string, args ...string) (t Trace) {
	w := s.proxy.World()
	w.Reset()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = append(s.env, env...), &out, &out, time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return Trace{out.String(), w.Requests(), err}
}

// configured writes a registries.conf into a directory of its own.
func (s *Sandbox) configured(registriesConf string) (dir, conf string, err error) {
	if dir, err = os.MkdirTemp(s.dir, "p"); err != nil {
		return "", "", err
	}
	conf = filepath.Join(dir, "registries.conf")
	return dir, conf, os.WriteFile(conf, []byte(registriesConf), 0o644)
}

// SkopeoTrace runs skopeo --debug copy with the content of a registries.conf.
func (s *Sandbox) SkopeoTrace(ctx context.Context, registriesConf, ref string) (t Trace) {
	dir, conf, err := s.configured(registriesConf)
	if err != nil {
		return Trace{Err: err}
	}
	defer os.RemoveAll(dir)
	return s.trace(ctx, nil, "skopeo", "--debug", "--insecure-policy", "--registries-conf", conf, "--registries.d",
		filepath.Join(dir, "registries.d"), "copy", "docker://"+ref, "dir:"+filepath.Join(dir, "image"))
}

// PodmanTrace runs podman --log-level=debug pull, as root, with the content of a registries.conf.
func (s *Sandbox) PodmanTrace(ctx context.Context, registriesConf, ref string) (t Trace) {
	dir, conf, err := s.configured(registriesConf)
	if err != nil {
		return Trace{Err: err}
	}
	defer os.RemoveAll(dir)
	run, err := os.MkdirTemp("", "p") // podman refuses a long name
	if err != nil {
		return Trace{Err: err}
	}
	defer os.RemoveAll(run)
	return s.trace(ctx, []string{"CONTAINERS_REGISTRIES_CONF=" + conf},
		"podman", "--log-level=debug", "--storage-driver", "vfs",
		"--root", filepath.Join(dir, "root"), "--runroot", run, "--tmpdir", run, "pull", ref)
}

// Trace runs ctr --debug images pull --hosts-dir, which asks the hosts itself.
func (c *Containerd) Trace(ctx context.Context, hostsDir, ref string) Trace {
	ref, err := clients.NormalizeCRI(ref)
	if err != nil {
		return Trace{Err: err}
	}
	return c.trace(ctx, nil, "ctr", "--debug", "--address", c.address, "--namespace",
		"pull"+strconv.FormatInt(c.pulls.Add(1), 10), "images", "pull", "--hosts-dir", hostsDir, "--snapshotter", "native",
		"--max-concurrent-downloads", "1", ref)
}
