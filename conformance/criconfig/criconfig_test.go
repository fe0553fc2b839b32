// Package criconfig holds what is said of a config.toml of containerd against the plugin that reads it.
package criconfig

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	server "github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/metadata"
	dockerconfig "github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/containerd/v2/pkg/deprecation"
	"github.com/containerd/containerd/v2/plugins"
	_ "github.com/containerd/containerd/v2/plugins/cri/images"
	"github.com/containerd/containerd/v2/plugins/services/warning"
	"github.com/containerd/containerd/v2/version"
	"github.com/containerd/log"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestMain(m *testing.M) { report.Main(m, "criconfig", "../../docs", 3*time.Minute) }

// What a node with containerd does for a registry that has a directory.
const (
	reads   = "reads the hosts.toml"
	passes  = "asks the registry itself"
	mirrors = "takes the older mirrors"
	fails   = "does not start"
)

// The plugin is loaded with random files, as containerd does when it starts, and asked what it pulls with; it goes no
// further than the services that it needs then.
func TestWhatIsSaidOfAConfigurationIsWhatThePluginTakes(t *testing.T) {
	require.NoError(t, log.SetLevel("panic"))
	row := report.Add("containerd "+"2.4.2", "what decides in the place of hosts.toml = findings of config.toml")
	images := newImages(t)
	r := rand.New(rand.NewPCG(uint64(random.Seed()), 17))
	seen := map[string]int{}
	for range random.Count(4000) {
		dir := t.TempDir()
		files := write(t, r, dir)
		want := images.does(t, dir)
		got, said := ours(t, dir)
		row.Configurations++
		row.Pulls++
		seen[want]++
		if got != want {
			row.Mismatches++
			t.Errorf("containerd %s, and we say it %s (%s):\n%s", want, got, said, strings.Join(files, "\n"))
		}
		if t.Failed() {
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	}
	require.Len(t, seen, 4, "not everything was seen: %v", seen)
}

// write makes a tree, and a config.toml beside it that may import others, and returns their texts.
func write(t *testing.T, r *rand.Rand, dir string) (texts []string) {
	put := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		texts = append(texts, "# "+name+"\n"+text)
	}
	put("certs.d/quay.io/hosts.toml", "server = 'https://m.corp'\n[host.'https://m.corp']\n")
	versions := []int{1, 2, 3, 4}
	v := versions[r.IntN(len(versions))]
	imports := ""
	if v > 1 && r.IntN(3) == 0 {
		imports = []string{"conf.d/*.toml", dir + "/conf.d/a.toml"}[r.IntN(2)]
		part := ""
		for !strings.Contains(part, "plugins") { // one that says nothing is not known for what it is
			part = text(r, v, dir, "")
		}
		put("conf.d/a.toml", part)
	}
	put("config.toml", text(r, v, dir, imports))
	return texts
}

// text returns a random file of a version.
func text(r *rand.Rand, v int, dir, imports string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version = %d\n", v)
	if imports != "" {
		fmt.Fprintf(&b, "imports = ['%s']\n", imports)
	}
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	older := map[int]string{1: "cri"}[v]
	if older == "" {
		older = "io.containerd.grpc.v1.cri"
	}
	for _, name := range []string{older, "io.containerd.cri.v1.images"} {
		if v == 1 && name != "cri" || r.IntN(3) == 0 {
			continue
		}
		table := "plugins.'" + name + "'"
		fmt.Fprintf(&b, "[%s]\n%s", table, one("", "", "max_concurrent_downloads = 3\n", "max_concurrent_downloads = 5\n",
			"image_pull_with_sync_fs = true\n", "discard_unpacked_layers = true\n", "use_local_image_pull = true\n",
			"disable_snapshot_annotations = false\n"))
		if name == older && r.IntN(3) == 0 {
			fmt.Fprintf(&b, "[%s.containerd]\n%s", table, one("discard_unpacked_layers = true\n", "snapshotter = 'overlayfs'\n"))
			b.WriteString(one("", "["+table+".containerd.runtimes.runc]\nruntime_type = 'io.containerd.runc.v2'\n"))
		}
		if r.IntN(4) == 0 {
			continue
		}
		fmt.Fprintf(&b, "[%s.registry]\n", table)
		certs := dir + "/certs.d"
		b.WriteString(one("", "config_path = ''\n", "config_path = '"+certs+"'\n", "config_path = '"+certs+"'\n",
			"config_path = '"+dir+"/other:"+certs+"'\n"))
		b.WriteString(one("", "", "", "["+table+".registry.mirrors.'quay.io']\nendpoint = ['https://x.corp']\n",
			"["+table+".registry.configs.'x.corp'.auth]\nusername = 'u'\n"))
	}
	return b.String()
}

// ours returns what is said of a directory, and the words.
func ours(t *testing.T, dir string) (does, said string) {
	in, err := input.Read([]string{dir}, nil)
	require.NoError(t, err)
	_, err = in.Pick(finding.Containerd, input.Choice{Client: input.Client{Name: "containerd", Version: "2.4"}})
	refused := new(finding.RefusedError)
	if !errors.As(err, &refused) {
		require.NoError(t, err)
		return reads, ""
	}
	said = refused.Error()
	require.Len(t, refused.Findings, 1, said)
	switch f := refused.Findings[0]; {
	case strings.Contains(f.Message, "does not start"):
		return fails, said
	case f.Value == "registry.mirrors":
		return mirrors, said
	}
	return passes, said
}

// images is the plugin that pulls for the kubelet.
type images struct {
	all    []plugin.Registration
	images *plugin.Registration
	unset  reflect.Value // its configuration as it is before a file is read
}

func newImages(t *testing.T) *images {
	require.Equal(t, 4, version.ConfigVersion)
	i := &images{}
	for _, r := range registry.Graph(func(*plugin.Registration) bool { return false }) {
		i.all = append(i.all, r)
		if r.Type == plugins.CRIServicePlugin && r.ID == "images" {
			i.images = &r
		}
	}
	require.NotNil(t, i.images)
	config := reflect.ValueOf(i.images.Config).Elem()
	i.unset = reflect.New(config.Type()).Elem()
	i.unset.Set(config)
	return i
}

// does says what containerd does that is started with the config.toml of a directory.
func (i *images) does(t *testing.T, dir string) string {
	ctx := context.Background()
	loaded := &server.Config{Version: version.ConfigVersion}
	err := server.LoadConfigWithPlugins(ctx, filepath.Join(dir, "config.toml"), func() iter.Seq[plugin.Registration] {
		return slices.Values(i.all)
	}, loaded)
	require.NoError(t, err)
	config := reflect.ValueOf(i.images.Config).Elem()
	config.Set(i.unset)
	_, err = loaded.Decode(ctx, i.images.URI(), i.images.Config)
	require.NoError(t, err)

	set := plugin.NewPluginSet()
	for _, service := range []plugin.Registration{
		{Type: plugins.MetadataPlugin, ID: "bolt", InitFn: func(*plugin.InitContext) (any, error) { return &metadata.DB{}, nil }},
		{Type: plugins.WarningPlugin, ID: "deprecations", InitFn: func(*plugin.InitContext) (any, error) { return quiet{}, nil }},
	} {
		require.NoError(t, set.Add(service.Init(plugin.NewContext(ctx, set, nil))))
	}
	_, err = i.images.Init(plugin.NewContext(ctx, set, nil)).Instance()
	if strings.Contains(err.Error(), "`mirrors` cannot be set when `config_path` is provided") {
		return fails
	}
	require.ErrorContains(t, err, string(plugins.TransferPlugin)) // it has come to where it starts to pull
	taken := config.FieldByName("Registry")
	if taken.FieldByName("Mirrors").Len() > 0 {
		return mirrors
	}
	// pullImageWithTransferService, and registryHosts for the older way.
	dirs := []string{taken.FieldByName("ConfigPath").String()}
	if config.FieldByName("UseLocalImagePull").Bool() {
		dirs = filepath.SplitList(dirs[0])
	}
	for _, d := range dirs {
		if d == "/etc/containerd/certs.d" { // the tree stands for what lies there
			d = dir + "/certs.d"
		}
		if found, _ := dockerconfig.HostDirFromRoot(d)("quay.io"); found != "" {
			return reads
		}
	}
	return passes
}

// quiet keeps no warnings.
type quiet struct{ warning.Service }

func (quiet) Emit(context.Context, deprecation.Warning) {}
