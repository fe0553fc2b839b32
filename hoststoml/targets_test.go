package hoststoml

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Only "/v2" itself is the root of a registry's API. A path that begins with the same letters is a path.
func TestTargetsKeepAPathThatOnlyBeginsLikeTheAPI(t *testing.T) {
	override := Settings{OverridePath: true}
	rf := RegistryFile{Host: "quay.io", File: &File{Server: "https://m.io/v2/team", Settings: override, Hosts: []Host{
		{URL: "https://m.io/v2x/team", Settings: override}, {URL: "https://m.io/v2", Settings: override},
		{URL: "https://m.io/other", Settings: override},
	}}}
	var locations []string
	for _, target := range rf.targets() {
		locations = append(locations, target.location)
	}
	require.Equal(t, []string{"m.io/v2x/team", "m.io", "m.io/other", "m.io/team"}, locations)
}
