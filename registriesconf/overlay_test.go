package registriesconf_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf"
)

func TestOverlay(t *testing.T) {
	type conf = registriesconf.Config
	for _, test := range []struct {
		name               string
		base, dropIn, want *conf
	}{
		{"replaces what the drop-in sets",
			&conf{UnqualifiedSearchRegistries: []string{"a.io"}, CredentialHelpers: []string{"x"}, ShortNameMode: "disabled", AdditionalLayerStoreAuthHelper: "h"},
			&conf{UnqualifiedSearchRegistries: []string{"b.io"}, CredentialHelpers: []string{"y"}, ShortNameMode: "enforcing", AdditionalLayerStoreAuthHelper: "i"},
			&conf{UnqualifiedSearchRegistries: []string{"b.io"}, CredentialHelpers: []string{"y"}, ShortNameMode: "enforcing", AdditionalLayerStoreAuthHelper: "i"}},
		{"keeps what the drop-in does not set",
			&conf{UnqualifiedSearchRegistries: []string{"a.io"}, CredentialHelpers: []string{"x"}, ShortNameMode: "disabled", AdditionalLayerStoreAuthHelper: "h"},
			&conf{},
			&conf{UnqualifiedSearchRegistries: []string{"a.io"}, CredentialHelpers: []string{"x"}, ShortNameMode: "disabled", AdditionalLayerStoreAuthHelper: "h"}},
		{"empties a list that the drop-in has empty",
			&conf{UnqualifiedSearchRegistries: []string{"a.io"}, CredentialHelpers: []string{"x"}},
			&conf{UnqualifiedSearchRegistries: []string{}, CredentialHelpers: []string{}},
			&conf{UnqualifiedSearchRegistries: []string{}, CredentialHelpers: []string{}}},
		{"replaces a registry of the same prefix as a whole",
			&conf{Registries: []registriesconf.Registry{{Location: "a.io", Blocked: true, Mirrors: []registriesconf.Mirror{{Location: "m.io"}}}}},
			&conf{Registries: []registriesconf.Registry{{Prefix: "a.io/", Location: "b.io"}}},
			&conf{Registries: []registriesconf.Registry{{Prefix: "a.io", Location: "b.io"}}}},
		{"sorts the registries and drops the dead ones of each file",
			&conf{Registries: []registriesconf.Registry{{Location: "c.io"}, {Location: "a.io"}, {Prefix: "c.io", Location: "dead.io"}}},
			&conf{Registries: []registriesconf.Registry{{Location: "b.io"}, {Prefix: "*.b.io"}, {Prefix: "b.io", Location: "dead.io"}}},
			&conf{Registries: []registriesconf.Registry{{Prefix: "*.b.io"}, {Location: "a.io"}, {Location: "b.io"}, {Location: "c.io"}}}},
		{"merges aliases, where an empty value stays to remove one",
			&conf{Aliases: map[string]string{"a": "quay.io/a", "b": "quay.io/b", "c": "quay.io/c"}},
			&conf{Aliases: map[string]string{"b": "", "c": "quay.io/d"}},
			&conf{Aliases: map[string]string{"a": "quay.io/a", "b": "", "c": "quay.io/d"}}},
		{"takes the aliases of the drop-in where the base has none",
			&conf{}, &conf{Aliases: map[string]string{"a": "quay.io/a"}}, &conf{Aliases: map[string]string{"a": "quay.io/a"}}},
		{"takes nil for the empty file", nil, nil, &conf{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, test.base.Overlay(test.dropIn))
		})
	}
}

func TestOverlaySharesNothing(t *testing.T) {
	base, dropIn := everySettingCopy(t), everySettingCopy(t)
	dropIn.Registries[0].Prefix = "example.com/other"
	merged := base.Overlay(dropIn)
	merged.UnqualifiedSearchRegistries[0] = "changed"
	merged.CredentialHelpers[0] = "changed"
	merged.Aliases["ubi9"] = "changed"
	for i := range merged.Registries {
		merged.Registries[i].Location = "changed"
		for j := range merged.Registries[i].Mirrors {
			merged.Registries[i].Mirrors[j].Location = "changed"
		}
	}
	require.Equal(t, everySettingCopy(t), base)
	dropIn.Registries[0].Prefix = base.Registries[0].Prefix
	require.Equal(t, everySettingCopy(t), dropIn)
}

func everySettingCopy(t *testing.T) *registriesconf.Config {
	t.Helper()
	c, findings := registriesconf.Parse("registries.conf", []byte(everySetting))
	require.NoError(t, findings.Err())
	return c
}

func TestOverlayTwiceIsOverlayOnce(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		base, dropIn := randomConfig(r), randomConfig(r)
		once := base.Overlay(dropIn)
		require.Equal(t, once, once.Overlay(dropIn), "seed %d", seed)
		require.Equal(t, once.Overlay(base), base.Overlay(dropIn, base), "seed %d: at once and one after the other", seed)
	}
}
