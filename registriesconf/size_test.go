package registriesconf_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	finding0 "github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func TestAFileThatFillsAMachineConfigIsReported(t *testing.T) {
	const limit = 1572864
	for _, test := range []struct {
		entries  int
		severity finding0.Severity // empty where nothing is said
	}{{10, ""}, {5500, ""}, {6000, finding0.SeverityWarning}, {12000, finding0.SeverityError}} {
		o := mirrorset.ImageDigestMirrorSet{Metadata: mirrorset.ObjectMeta{Name: "many"}}
		for i := range test.entries {
			name := fmt.Sprintf("team-%05d/app", i)
			o.Spec.ImageDigestMirrors = append(o.Spec.ImageDigestMirrors, mirrorset.ImageMirrors{Source: "quay.io/" + name, Mirrors: []string{"m.io/" + name}})
		}
		rules, err := (&mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{o}}).Rules()
		require.NoError(t, err)
		files, table, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
		size := len("data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(files.Config.Bytes()))
		require.Equal(t, test.severity != "", size > limit/10*8, size)
		require.Equal(t, test.severity == finding0.SeverityError, size > limit, size)
		var said finding0.Severity
		for _, f := range files.Fills(table, mirrorset.RenderedConfig{}) {
			if f.Code == finding0.CodeTooMany {
				said = f.Severity
				require.Equal(t, finding0.Origin{Object: "ImageDigestMirrorSet/many", Field: "spec.imageDigestMirrors"}, f.Origin)
				require.Contains(t, f.Message, fmt.Sprintf("takes %d", size))
				require.Equal(t, said == finding0.SeverityWarning, strings.Contains(f.Message, "comes on top"))
			}
		}
		require.Equal(t, test.severity, said, size)
		if said == finding0.SeverityWarning {
			rest := mirrorset.RenderedConfig{Rest: 1, Origin: finding0.Origin{Object: "MachineConfig/worker"}}
			require.Contains(t, files.Fills(table, rest)[0].Message, "with the 1 of what else MachineConfig/worker holds")
		}
	}
}

// The rest of the MachineConfig counts where it is known, and the other files of the rules do in any case.
func TestWhatElseAMachineConfigHoldsCounts(t *testing.T) {
	const limit, head = 1572864, len("data:text/plain;charset=utf-8;base64,")
	rules, err := (&mirrorset.Set{Images: []mirrorset.Image{{Metadata: mirrorset.ObjectMeta{Name: "cluster"}, Spec: mirrorset.ImageSpec{
		RegistrySources: mirrorset.RegistrySources{AllowedRegistries: []string{"quay.io"}, ContainerRuntimeSearchRegistries: []string{"quay.io"}}}}}}).Rules()
	require.NoError(t, err)
	files, table, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
	size := 3*head + base64.StdEncoding.EncodedLen(len(files.Config.Bytes())) + base64.StdEncoding.EncodedLen(len(files.Search.Bytes())) + base64.StdEncoding.EncodedLen(len(files.Policies.PolicyJSON))
	rest := mirrorset.RenderedConfig{Origin: finding0.Origin{Object: "MachineConfig/rendered-worker-1"}}
	for _, test := range []struct {
		rest int
		want string
	}{
		{0, ""}, {limit*4/5 - size, ""},
		{limit*4/5 - size + 1, fmt.Sprintf("takes %d of the 1572864 bytes that a rendered MachineConfig may have, in base64, with the %d of what else MachineConfig/rendered-worker-1 holds: make the other MachineConfigs of the pool smaller", limit*4/5+1, limit*4/5-size+1)},
		{limit - size, fmt.Sprintf("takes %d of", limit)},
		{limit - size + 1, fmt.Sprintf("takes %d bytes in base64, with the %d of what else MachineConfig/rendered-worker-1 holds, and a rendered MachineConfig may have", limit+1, limit-size+1)},
	} {
		rest.Rest = test.rest
		said := files.Fills(table, rest)
		if test.want == "" {
			require.Empty(t, said, test.rest)
			continue
		}
		require.Len(t, said, 1)
		require.Contains(t, said[0].Message, test.want)
	}
}

// Who reads the finding makes smaller what is larger.
func TestTheAdviceIsAboutTheLargerPart(t *testing.T) {
	rest := mirrorset.RenderedConfig{Rest: 1400000, Origin: finding0.Origin{Object: "MachineConfig/worker"}}
	files := registriesconf.Files{Config: &registriesconf.Config{ShortNameMode: strings.Repeat("a", 1400000/4*3-100)}}
	own := len(base64.StdEncoding.EncodeToString(files.Config.Bytes())) + len("data:text/plain;charset=utf-8;base64,")
	for bytes, want := range map[int]string{
		own - 1: "mirror whole registries or namespaces in place of repositories", own: "mirror whole registries or namespaces in place of repositories",
		own + 2: "make the other MachineConfigs of the pool smaller",
	} {
		rest.Rest = bytes
		said := files.Fills(nil, rest)
		require.Len(t, said, 1)
		require.Equal(t, finding0.SeverityError, said[0].Severity)
		require.Equal(t, fmt.Sprintf("takes %d bytes in base64, with the %d of what else MachineConfig/worker holds, and a rendered MachineConfig may have 1572864: "+
			"MCO renders none, and no later change reaches any node; %s", own+bytes, bytes, want), said[0].Message)
	}
	require.Empty(t, registriesconf.Files{}.Fills(nil, rest), "there is no file")
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "a.io", Location: "a.io"},
		{Prefix: "b.io", Location: "b.io", Origins: []finding0.Origin{{Object: "ImageDigestMirrorSet/d", Field: "spec.imageDigestMirrors[3]"}}}}})
	require.Equal(t, finding0.Origin{Object: "ImageDigestMirrorSet/d", Field: "spec.imageDigestMirrors"}, files.Fills(table, rest)[0].Origin)
	require.Contains(t, files.Fills(nil, mirrorset.RenderedConfig{})[0].Message, "bytes that a rendered MachineConfig may have, in base64, and what else it holds comes on top: mirror whole")
}
