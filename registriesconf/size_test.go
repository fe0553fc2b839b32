package registriesconf_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	finding0 "github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
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
		size := len(base64.StdEncoding.EncodeToString(files.Config.Bytes()))
		require.Equal(t, test.severity != "", size > limit/10*8, size)
		require.Equal(t, test.severity == finding0.SeverityError, size > limit, size)
		var said finding0.Severity
		for _, f := range files.Fills(table) {
			if f.Code == finding0.CodeTooMany {
				said = f.Severity
				require.Equal(t, finding0.Origin{Object: "ImageDigestMirrorSet/many", Field: "spec.imageDigestMirrors"}, f.Origin)
				require.Contains(t, f.Message, fmt.Sprintf("takes %d", size))
			}
		}
		require.Equal(t, test.severity, said, size)
	}
}
