package input

import (
	"crypto/sha256"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// beside is a file of a node that stands beside registries.conf and says nothing of where pulls go, but
// whose change costs something.
type beside struct {
	// dirs are the containers directories that it may belong to.
	dirs []string
	// file is its name, as [registriesconf.NodeImpact.WithFile] takes it.
	file string
	// data is what it holds; of the pull secret it is the digest.
	data []byte
	mode string // as in [Linux.Modes]
}

// newBeside tells by the path whether a file is one.
func newBeside(name string, data []byte) (beside, bool) {
	dir, base := path.Split(path.Clean(name))
	dir = path.Clean(dir)
	switch ext := path.Ext(base); {
	case path.Base(dir) == path.Dir(policyjson.AttachmentsName) && (ext == ".yaml" || ext == ".yml"):
		return beside{dirs: []string{path.Dir(dir)}, file: path.Base(dir) + "/" + base, data: data}, true
	case ext == ".json":
		if etc, ok := below(dir, registriesconf.NamespacesBelow); ok { // of a node, or as render writes it
			return beside{dirs: []string{etc, path.Join(etc, "containers")},
				file: policyjson.NamespacesDir + "/" + base, data: data}, true
		}
		if root, ok := below(path.Clean(name), strings.TrimPrefix(registriesconf.PullSecretPath, "/")); ok {
			sum := sha256.Sum256(data)
			return beside{dirs: []string{path.Join(root, "etc/containers")}, file: registriesconf.PullSecretPath,
				data: sum[:]}, true
		}
	}
	return beside{}, false
}

// besidesOf returns those among the files of one object, and the pull secret of the same object.
func besidesOf(files []mirrorset.NodeFile, secrets []mirrorset.PullSecret) (all []beside) {
	for _, f := range files {
		if b, ok := newBeside(f.Path, f.Data.Bytes()); ok {
			b.mode = modeOf(f)
			all = append(all, b)
		}
	}
	for _, s := range secrets {
		if s.Machine == files[0].Machine && s.Origin.File == files[0].Origin.File && s.Machine.Name != "" {
			sum := s.Sum()
			all = append(all, beside{dirs: []string{policyjson.Containers}, file: registriesconf.PullSecretPath,
				data: sum[:]})
		}
	}
	return all
}

// besides keeps those that belong to the files of the node.
func (n *node) besides(confs []conf, all []beside) {
	for _, b := range all {
		if slices.ContainsFunc(confs, func(c conf) bool { return !c.given && slices.Contains(b.dirs, c.dir) }) {
			n.Files[b.file], n.Modes[b.file] = b.data, b.mode
		}
	}
}
