package registriesconf

import (
	"maps"
	"slices"
	"strings"
)

// Overlay returns the configuration of c with a drop-in of registries.conf.d on top, as the client
// merges the two: what the drop-in sets replaces what c sets, a registry replaces the one of the
// same prefix as a whole, and aliases are merged one by one. The drop-ins of a directory are laid
// over the main file in the string order of their names.
//
// The registries of the result are in string order of their prefixes, without the dead ones. The client
// checks each file by itself and not the result, so conflicts between files (one location with two
// values of insecure or blocked) that Validate refuses in one file are accepted in two.
//
// Neither c nor dropIn is changed, and the result shares no memory with them.
func (c *Config) Overlay(dropIn *Config) *Config {
	merged, over := c.normalized(), dropIn.normalized()
	if over.UnqualifiedSearchRegistries != nil {
		merged.UnqualifiedSearchRegistries = over.UnqualifiedSearchRegistries
	}
	if over.CredentialHelpers != nil {
		merged.CredentialHelpers = over.CredentialHelpers
	}
	if over.ShortNameMode != "" {
		merged.ShortNameMode = over.ShortNameMode
	}
	if over.AdditionalLayerStoreAuthHelper != "" {
		merged.AdditionalLayerStoreAuthHelper = over.AdditionalLayerStoreAuthHelper
	}
	if merged.Aliases == nil {
		merged.Aliases = over.Aliases
	} else {
		maps.Copy(merged.Aliases, over.Aliases)
	}
	// The sort is stable and the first of equal scopes stays: the drop-in's, and in one file the first.
	merged.Registries = slices.Concat(over.Registries, merged.Registries)
	slices.SortStableFunc(merged.Registries, func(a, b Registry) int { return strings.Compare(a.Scope(), b.Scope()) })
	merged.Registries = slices.CompactFunc(merged.Registries, func(a, b Registry) bool { return a.Scope() == b.Scope() })
	return merged
}
