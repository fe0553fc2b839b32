package clients

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/pullroute/pullroute/conformance/world"
)

// Containerd is one version of containerd's library.
type Containerd struct {
	Version string

	// Pull pulls the reference as the kubelet would have it pulled: normalised, resolved, and
	// then fetched by digest. hostsDir is containerd's config_path. The requests of the world are
	// reset before. Without a world the client uses its own transport, TLS included, on the network.
	Pull func(ctx context.Context, w *world.World, hostsDir, ref string) Pull

	// LoadHosts loads DIR/hosts.toml for the registry host, dir being the directory of that host.
	// The error is one that ends every pull of the host.
	LoadHosts func(dir, host string) (Hosts, error)
}

// ParseHosts loads the content of a hosts.toml, for the registry host.
func (c Containerd) ParseHosts(content, host string) (Hosts, error) {
	dir, err := os.MkdirTemp("", "hosts")
	if err != nil {
		return Hosts{}, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(content), 0o644); err != nil {
		return Hosts{}, err
	}
	return c.LoadHosts(dir, host)
}

// Logged returns a context whose log goes nowhere, except that errors are handed to keep:
// containerd tells of a file that it ignores in no other way.
func Logged(ctx context.Context, keep func(error)) context.Context {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.ErrorLevel)
	logger.AddHook(errorHook(keep))
	return log.WithLogger(ctx, logrus.NewEntry(logger))
}

type logTo struct{}

// WithLog returns a context in which containerd writes its log to w, debug messages included, in the form
// that its daemon has by default or, with asJSON, in the other one that its configuration knows.
func WithLog(ctx context.Context, w io.Writer, asJSON bool) context.Context {
	logger := logrus.New()
	logger.SetOutput(w)
	logger.SetLevel(logrus.DebugLevel)
	logger.SetFormatter(&logrus.TextFormatter{TimestampFormat: log.RFC3339NanoFixed, FullTimestamp: true})
	if asJSON {
		logger.SetFormatter(&logrus.JSONFormatter{TimestampFormat: log.RFC3339NanoFixed})
	}
	return log.WithLogger(context.WithValue(ctx, logTo{}, true), logrus.NewEntry(logger))
}

// Quiet returns a context whose log goes nowhere, unless it is one of WithLog.
func Quiet(ctx context.Context) context.Context {
	if ctx.Value(logTo{}) != nil {
		return ctx
	}
	return Logged(ctx, nil)
}

type errorHook func(error)

func (errorHook) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

func (h errorHook) Fire(e *logrus.Entry) error {
	err, ok := e.Data[logrus.ErrorKey].(error)
	if ok && h != nil && strings.HasPrefix(e.Message, "failed to decode") {
		h(err)
	}
	return nil
}

// CapabilityNames turns the bits of a capability set, least first, into their names.
func CapabilityNames(has func(bit int) bool) []string {
	var caps []string
	for bit, name := range []string{"pull", "resolve", "push", "referrers"} {
		if has(bit) {
			caps = append(caps, name)
		}
	}
	return caps
}
