package faults

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pullroute/pullroute/nodefiles"
)

// Local is a Site on the file system. Governed is what Governs does with the directory.
type Local struct {
	*nodefiles.Local
	Dir      string
	Governed func(dir string, hosts []string) map[string]string
}

// NewLocal makes the node of a case anew under dir.
func NewLocal(dir string, c Case) (*Local, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, content := range c.Node {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			path = filepath.Join(path, "x") // its directory is what counts
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else if !strings.HasSuffix(name, "/") {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	local, err := nodefiles.OpenLocal(dir)
	if err != nil {
		return nil, err
	}
	return &Local{Local: local, Dir: dir}, nil
}

// Governs implements [Site].
func (l *Local) Governs(hosts []string) map[string]string { return l.Governed(l.Dir, hosts) }

// Listing implements [Site].
func (l *Local) Listing() string { return listing(os.DirFS(l.Dir)) }
