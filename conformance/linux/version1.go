package linux

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// version1 returns a file of version 1 of the format, sometimes with faults of it.
func version1(s *random.Source) string {
	var b strings.Builder
	if s.Intn(8) == 0 {
		b.WriteString(s.Pick("short-name-mode = \"disabled\"\n", "unqualified-search-registries = []\n",
			"[aliases]\n", "[[registry]]\nlocation = \"quay.io\"\n", "unknown = 1\n"))
	}
	if s.Intn(10) == 0 {
		b.WriteString("[registries]\n")
	}
	for _, list := range []string{"search", "insecure", "block"} {
		if s.Intn(3) == 0 {
			continue
		}
		fmt.Fprintf(&b, "[%s.%s]\n", s.Pick("registries", "registries", "Registries"),
			s.Pick(list, list, strings.ToUpper(list)))
		if s.Intn(8) == 0 {
			b.WriteString(s.Pick("other = 1\n", "registries = \"quay.io\"\n", "registries = [1]\n", ""))
			continue
		}
		b.WriteString("registries = [")
		for range s.Intn(4) {
			name := s.Scope()
			if list == "search" {
				name = s.Host()
			}
			fmt.Fprintf(&b, "%q, ", s.Pick(name, name, name, name+"/", "http://"+name, ""))
		}
		b.WriteString("]\n")
	}
	return b.String()
}

// A file of version 1 is read by clients up to 5.38, and refused by those after.
func aFileOfVersion1IsReadAsThisClientReadsIt(t *testing.T) {
	row := newRow(t, containersImage, "registries.conf of version 1: read or refused alike, and locations of plans")
	s := random.New(t.Name())
	dir := t.TempDir()
	parse := registriesconf.Parse
	if linked() == resolve.ContainersImage538 {
		parse = registriesconf.ParseOlder
	}
	counts := map[bool]int{}
	for i := range random.Count(4_000) {
		content := version1(s)
		ours, findings := parse("registries.conf", []byte(content))
		if hasTwoSpellings(findings) {
			continue // the client takes either at random
		}
		client, err := containersimage.LoadRegistries(dir, content)
		row.Configurations++
		require.Equal(t, err != nil, findings.Err() != nil, "the client says %v, the library %v of\n%s", err,
			findings, content)
		counts[err != nil]++
		if err == nil {
			theirs, _, err := client.Config()
			require.NoError(t, err)
			require.Equal(t, len(theirs.UnqualifiedSearchRegistries), len(ours.UnqualifiedSearchRegistries), content)
			for i, host := range theirs.UnqualifiedSearchRegistries {
				require.Equal(t, host, ours.UnqualifiedSearchRegistries[i], content)
			}
			require.Len(t, ours.Registries, len(theirs.Registries), content)
			for _, r := range theirs.Registries { // which the client sorts
				found := false
				for _, own := range ours.Registries {
					found = found || own.Scope() == r.Prefix && own.Location == r.Location &&
						own.Blocked == r.Blocked && own.Insecure == r.Insecure
				}
				require.True(t, found, "%+v in\n%s", r, content)
			}
			table := ours.Table("registries.conf")
			for range 2 {
				name := s.Name() + ":1"
				plan, err := table.Plan(name)
				require.NoError(t, err)
				references, err := client.Expand(name)
				require.Equal(t, len(plan.References) == 0, err != nil, "%s: %v\n%s", name, err, content)
				var asked []string
				unwritable := false
				for _, reference := range references {
					attempts, err := client.Attempts(reference)
					// The location of a wildcard is the wildcard itself here, and no reference.
					unwritable = unwritable || err != nil
					for _, a := range attempts {
						if !a.Blocked {
							asked = append(asked, a.Location)
						}
					}
				}
				require.Equal(t, unwritable, hasCode(plan.Findings, finding.CodeUnwritable), "%s\n%s", name, content)
				require.Equal(t, slices.Compact(asked), slices.Compact(onTheWireAll(locations(plan))), "%s\n%s",
					name, content)
				row.Pulls++
			}
			require.NoError(t, client.Close())
		}
		if i%500 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	require.Greater(t, counts[true], row.Configurations/20)
	require.Greater(t, counts[false], row.Configurations/50)
}

func hasTwoSpellings(findings finding.Findings) bool {
	for _, f := range findings {
		if strings.Contains(f.Message, "at random") {
			return true
		}
	}
	return false
}
