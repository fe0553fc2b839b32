package linux

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// Whatever is configured and however hosts are spelled: what is asked inside a source under
// NeverContactSource or a blocked scope is asked only where a finding says so. Nothing has the
// image, so that the client asks all it would.
func noContactIsUnsaid(t *testing.T) {
	pulls, each := random.Count(34_000), 4
	row := newRow(t, containersImage, "contacts that no finding speaks of, among the requests of pulls")
	s := random.New(t.Name())
	p := newProxy(t)
	forbidden, contacts := 0, 0
	for row.Pulls < pulls {
		set := s.Set()
		var base *registriesconf.Config
		if s.Intn(2) == 0 {
			var err error
			base, err = parsed(baseFile(s))
			require.NoError(t, err)
		}
		c := newConfig(t, set).on(base)
		if _, err := parsed([]byte(c.file)); err != nil {
			continue // two entries with one location and different flags
		}
		row.Configurations++
		for range each {
			name := c.image(s, image.Manifest.Digest.String())
			if s.Intn(3) == 0 && strings.Contains(name, "/") {
				name = s.Respell(name)
			}
			requests, reached, unsaid := c.unsaid(t, p, name)
			row.Pulls++
			if len(requests) == 0 {
				forbidden++
			}
			contacts += len(reached)
			if len(unsaid) == 0 {
				continue
			}
			if row.Mismatches++; row.Mismatches > shown {
				t.Fail()
				continue
			}
			set := random.Shrink(set, func(set *mirrorset.Set) bool {
				if _, err := set.Rules(); err != nil {
					return false
				}
				c := newConfig(t, set).on(base)
				if _, err := parsed([]byte(c.file)); err != nil {
					return false
				}
				_, _, unsaid := c.unsaid(t, p, name)
				return len(unsaid) > 0
			})
			c := newConfig(t, set).on(base)
			_, _, unsaid = c.unsaid(t, p, name)
			plan, err := c.table.Plan(name)
			t.Errorf("%s: %v\nthe plan says %v %v\n%s", name, unsaid, plan.Findings, err, c)
		}
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	t.Logf("nothing asked %d, contacts that findings speak of %d", forbidden, contacts)
	require.Greater(t, forbidden, row.Pulls/50, "the random configurations are too tame")
	require.Greater(t, contacts, row.Pulls/50, "the random configurations are too tame")
}

// shown is how many mismatches of one comparison are printed: they tend to be the same one.
const shown = 10

func parsed(text []byte) (*registriesconf.Config, error) {
	c, findings := registriesconf.Parse("base", text)
	return c, findings.Err()
}

// contract is what the rules of the configuration forbid. The client itself, where there is one,
// says what it asks by plain HTTP.
func (c config) contract(client *containersimage.Registries) contract.Contract {
	return contract.Of(c.rules, func(location string) bool {
		if client == nil {
			return false
		}
		insecure, err := client.Insecure(location)
		return err == nil && insecure
	})
}

// unsaid pulls an image that nobody has, and returns the contacts, and those that neither its plan
// nor the table speaks of.
func (c config) unsaid(t *testing.T, p *world.Proxy, name string) (
	requests []world.Request, reached, unsaid []contract.Contact) {
	t.Helper()
	client := c.load(t)
	defer client.Close()
	w := world.New()
	w.Elsewhere = world.Empty
	p.Use(w)
	requests, err := pull(client, p, name)
	require.Error(t, err)
	plan, err := c.table.Plan(name)
	if err != nil {
		require.Empty(t, requests, fmt.Sprint(name, err))
		return requests, nil, nil
	}
	judge := c.contract(client)
	return requests, judge.Contacts(requests), judge.Unsaid(own(plan), requests,
		slices.Concat(plan.Findings, c.table.Findings))
}
