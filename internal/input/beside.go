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
}

// newBeside tells by the path whether a file is one.
func newBeside(name string, data []byte) (beside, bool) {
	dir, base := path.Split(path.Clean(name))
	dir = path.Clean(dir)
	switch ext := path.Ext(base); {
	case path.Base(dir) == path.Dir(policyjson.AttachmentsName) && (ext == ".yaml" || ext == ".yml"):
		return beside{[]string{path.Dir(dir)}, path.Base(dir) + "/" + base, data}, true
	case ext == ".json":
		if etc, ok := below(dir, registriesconf.NamespacesBelow); ok { // of a node, or as render writes it
			return beside{[]string{etc, path.Join(etc, "containers")}, policyjson.NamespacesDir + "/" + base, data}, true
		}
		if root, ok := below(path.Clean(name), strings.TrimPrefix(registriesconf.PullSecretPath, "/")); ok {
			sum := sha256.Sum256(data)
			return beside{[]string{path.Join(root, "etc/containers")}, registriesconf.PullSecretPath, sum[:]}, true
		}
	}
	return beside{}, false
}

// besidesOf returns those among the files of one object, and the pull secret of the same object.
func besidesOf(files []mirrorset.NodeFile, secrets []mirrorset.PullSecret) (all []beside) {
	for _, f := range files {
		if b, ok := newBeside(f.Path, f.Data); ok {
			all = append(all, b)
		}
	}
	for _, s := range secrets {
		if s.Machine == files[0].Machine && s.Origin.File == files[0].Origin.File && s.Machine.Name != "" {
			sum := s.Sum()
			all = append(all, beside{[]string{policyjson.Containers}, registriesconf.PullSecretPath, sum[:]})
		}
	}
	return all
}

// besides keeps those that belong to the files of the node.
func (n *node) besides(confs []conf, all []beside) {
	for _, b := range all {
		if slices.ContainsFunc(confs, func(c conf) bool { return !c.given && slices.Contains(b.dirs, c.dir) }) {
			n.Files[b.file] = b.data
		}
	}
}
