package random

import (
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve/routes"
)

// Statements are about scopes that rules name, and about hosts, so that some hold and some do not.
func Statements(s *Source, rules *mirrorset.Rules) []routes.Statement {
	scope := func() string {
		scope := s.Host()
		if len(rules.Rules) > 0 && s.Intn(3) > 0 {
			r := &rules.Rules[s.Intn(len(rules.Rules))]
			if scope = r.Source; len(r.Mirrors()) > 0 && s.Intn(2) == 0 {
				scope = r.Mirrors()[0].Location
			}
		}
		for s.Intn(3) == 0 && strings.Contains(scope, "/") {
			scope = scope[:strings.LastIndexByte(scope, '/')]
		}
		return scope
	}
	plain := func() string { return strings.TrimPrefix(scope(), "*.") }
	return []routes.Statement{
		{Never: scope()}, {Never: scope(), Except: []string{scope()}}, {Images: scope(), Only: []string{scope(), scope()}},
		{Images: scope(), First: plain()}, {Mirrored: scope()}, {Mirrored: scope(), By: mirrorset.ByDigest},
	}
}
