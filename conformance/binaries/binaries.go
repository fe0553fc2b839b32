//go:build binaries

// Package binaries runs unmodified programs against a world.World: Debian's containerd 1.6 with
// its ctr, and its skopeo 1.9. They reach the world through a proxy on loopback; what they write
// lies under a directory of the caller. Only processes started here are ended, by their own id.
package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/internal/loopback"
)

// Sandbox is a directory, a proxy, and the environment that leads programs to them.
type Sandbox struct {
	dir   string
	proxy *world.Proxy
	env   []string
}

// NewSandbox makes a sandbox under dir, for programs that see the world behind the proxy.
func NewSandbox(dir string, p *world.Proxy) (*Sandbox, error) {
	ca := filepath.Join(dir, "ca.pem")
	if err := p.WriteCA(ca); err != nil {
		return nil, err
	}
	env := append(p.Env(ca),
		"PATH="+os.Getenv("PATH"), "HOME="+dir, "TMPDIR="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_CONFIG_HOME="+dir)
	return &Sandbox{dir: dir, proxy: p, env: env}, nil
}

// run runs a program to its end, and returns its standard output.
func (s *Sandbox) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.env, &stdout, &stderr, time.Second
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(stderr.String())))
	}
	return stdout.Bytes(), nil
}

// Containerd is a running containerd.
type Containerd struct {
	*Sandbox
	address string
	daemon  *exec.Cmd
	log     *os.File
	pulls   atomic.Int64
}

// StartContainerd starts the daemon, as root, with all its files in the sandbox.
func StartContainerd(s *Sandbox) (*Containerd, error) {
	dir, err := os.MkdirTemp(s.dir, "containerd")
	if err != nil {
		return nil, err
	}
	c := &Containerd{Sandbox: s, address: filepath.Join(dir, "sock")}
	config := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, []byte(c.config(dir)), 0o600); err != nil {
		return nil, err
	}
	if c.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	c.daemon = exec.Command("containerd", "--config", config)
	c.daemon.Env, c.daemon.Stdout, c.daemon.Stderr = s.env, c.log, c.log
	// It must not outlive the test, however that ends.
	c.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.daemon.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := s.run(context.Background(), "ctr", "--address", c.address, "--connect-timeout", "1s", "version")
		if err == nil {
			return c, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(err, c.Stop())
		}
	}
}

func (c *Containerd) config(dir string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = %q
[ttrpc]
  address = %q
# Each pull has a namespace of its own, which is not to see what others fetched.
[plugins."io.containerd.metadata.v1.bolt"]
  content_sharing_policy = "isolated"
`, filepath.Join(dir, "root"), filepath.Join(dir, "state"), c.address, c.address+".ttrpc")
}

// Stop ends the daemon.
func (c *Containerd) Stop() error {
	defer c.log.Close()
	if err := c.daemon.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- c.daemon.Wait() }()
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("containerd did not stop"), c.daemon.Process.Kill())
	}
}

// Pull runs ctr images pull --hosts-dir, with the reference normalised as the kubelet's way does:
// ctr itself does not. It is ctr that looks for the hosts and asks them, so its environment is the
// one that counts. The requests of the world are reset before.
func (c *Containerd) Pull(ctx context.Context, hostsDir, ref string) (p clients.Pull) {
	w := c.proxy.World()
	w.Reset()
	defer func() { p.Requests = w.Requests() }()
	if ref, p.Err = clients.NormalizeCRI(ref); p.Err != nil {
		return p
	}
	ctr := []string{"--address", c.address, "--namespace", "pull" + strconv.FormatInt(c.pulls.Add(1), 10)}
	_, p.Err = c.run(ctx, "ctr", append(ctr, "images", "pull",
		"--hosts-dir", hostsDir,
		"--snapshotter", "native",
		"--max-concurrent-downloads", "1", // keeps the searches for different objects apart
		ref)...)
	if p.Err != nil {
		return p
	}
	list, err := c.run(ctx, "ctr", append(ctr, "images", "list", "name=="+ref)...)
	p.Err = err
	for _, field := range strings.Fields(string(list)) {
		if d, err := digest.Parse(field); err == nil {
			p.Digest = d
		}
	}
	return p
}

// SkopeoPull runs skopeo copy with the content of a registries.conf. The requests of the world are
// reset before.
func (s *Sandbox) SkopeoPull(ctx context.Context, registriesConf, ref string) (p clients.Pull) {
	w := s.proxy.World()
	w.Reset()
	defer func() { p.Requests = w.Requests() }()
	var dir string
	if dir, p.Err = os.MkdirTemp(s.dir, "skopeo"); p.Err != nil {
		return p
	}
	defer os.RemoveAll(dir)
	conf := filepath.Join(dir, "registries.conf")
	if p.Err = os.WriteFile(conf, []byte(registriesConf), 0o644); p.Err != nil {
		return p
	}
	_, p.Err = s.run(ctx, "skopeo", "--insecure-policy",
		"--registries-conf", conf,
		"--registries.d", filepath.Join(dir, "registries.d"),
		"copy", "docker://"+ref, "dir:"+filepath.Join(dir, "image"))
	if p.Err != nil {
		return p
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "image", "manifest.json"))
	p.Digest, p.Err = digest.FromBytes(manifest), err
	return p
}

// Shell runs a line of shell.
func (s *Sandbox) Shell(ctx context.Context, line string) error {
	_, err := s.run(ctx, "sh", "-c", line)
	return err
}

// Registry is a running docker-registry on loopback.
type Registry struct {
	URL    *url.URL
	daemon *exec.Cmd
}

// StartRegistry starts Debian's docker-registry, empty, with its files in the sandbox.
func StartRegistry(s *Sandbox) (*Registry, error) {
	dir, err := os.MkdirTemp(s.dir, "registry")
	if err != nil {
		return nil, err
	}
	address, release, err := loopback.Hold()
	if err != nil {
		return nil, err
	}
	defer release() // the registry listens then, or has ended
	config := filepath.Join(dir, "config.yml")
	content := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "+
		"%q}}\nhttp: {addr: %q}\n", dir, address)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		return nil, err
	}
	r := &Registry{URL: &url.URL{Scheme: "http", Host: address},
		daemon: exec.Command("docker-registry", "serve", config)}
	r.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.daemon.Start(); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{}} // past any proxy
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(r.URL.String() + "/v2/")
		if err == nil {
			return r, response.Body.Close()
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(err, r.Stop())
		}
	}
}

// Stop ends the registry.
func (r *Registry) Stop() error {
	return errors.Join(r.daemon.Process.Kill(), ignoreExit(r.daemon.Wait()))
}

// ignoreExit drops the error that says how a process ended.
func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}
