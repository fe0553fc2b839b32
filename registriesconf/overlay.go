package registriesconf

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Overlay returns the configuration of c with drop-ins of registries.conf.d on top, one over the other,
// as the client merges them: what a drop-in sets replaces what is set below, a registry replaces the
// one of the same prefix as a whole, and aliases are merged one by one. The drop-ins of a directory are
// laid over the main file in the string order of their names.
//
// The registries of the result are in string order of their prefixes, without the dead ones. The client
// checks each file by itself and not the result, so conflicts between files (one location with two
// values of insecure or blocked) that Validate refuses in one file are accepted in two.
//
// Neither c nor a drop-in is changed, and the result shares no memory with them.
func (c *Config) Overlay(dropIns ...*Config) *Config {
	merged := c.normalized()
	registries := [][]Registry{merged.Registries}
	for _, dropIn := range dropIns {
		over := dropIn.normalized()
		merged.set(over)
		registries = append(registries, over.Registries)
	}
	// The sort is stable and the first of equal scopes stays: that of the last file, and in one file the first.
	slices.Reverse(registries)
	merged.Registries = slices.Concat(registries...)
	slices.SortStableFunc(merged.Registries, func(a, b Registry) int { return strings.Compare(a.Scope(), b.Scope()) })
	merged.Registries = slices.CompactFunc(merged.Registries, func(a, b Registry) bool { return a.Scope() == b.Scope() })
	return merged
}

// set takes over what a drop-in sets, but for its registries.
func (c *Config) set(over *Config) {
	if over.UnqualifiedSearchRegistries != nil {
		c.UnqualifiedSearchRegistries = over.UnqualifiedSearchRegistries
	}
	if over.CredentialHelpers != nil {
		c.CredentialHelpers = over.CredentialHelpers
	}
	c.ShortNameMode = cmp.Or(over.ShortNameMode, c.ShortNameMode)
	c.AdditionalLayerStoreAuthHelper = cmp.Or(over.AdditionalLayerStoreAuthHelper, c.AdditionalLayerStoreAuthHelper)
	if c.Aliases == nil {
		c.Aliases = over.Aliases
	} else {
		maps.Copy(c.Aliases, over.Aliases)
	}
}
