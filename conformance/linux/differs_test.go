package linux

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// requestsOf are the places that the client would ask for an image, and how, repeats in a row once:
// by its own code, with the files that it loaded.
func requestsOf(t *testing.T, client *containersimage.Registries, image string) (list []containersimage.Attempt) {
	t.Helper()
	refs, err := client.Expand(image)
	require.NoError(t, err)
	for _, ref := range refs {
		attempts, err := client.Attempts(ref)
		if err != nil {
			continue // the pull of this reference stops before the first request
		}
		for _, a := range attempts {
			a.Name = ""
			if n := len(list); !a.Blocked && (n == 0 || list[n-1].Location != a.Location) {
				list = append(list, a)
			}
		}
	}
	return list
}

// The finding mco-differs is raised for exactly those images that the client asks elsewhere for with the
// file that MCO writes. In lint its findings name each of them, by tag or by digest, and there is no
// finding without one.
func TestMCODiffersIsSaidWhereItsFileLeadsElsewhere(t *testing.T) {
	differ, equal := newRow(t, mco, "mco-differs, configurations in which its file leads elsewhere"), newRow(t, mco, "mco-differs, configurations in which it does not")
	named, without := newRow(t, mco, "mco-differs in lint, images that a finding has to name"),
		newRow(t, mco, "mco-differs in lint, findings that have to have an image")
	s := random.New(t.Name())
	failing, drawn, seldom := 0, 0, 0
	for differ.Configurations < random.Count(5_000) || equal.Configurations < random.Count(5_000) {
		s.Plain = drawn%2 == 0
		set := s.Set()
		if drawn%3 == 0 {
			nest(s, set)
		}
		drawn++
		conf := newConfig(t, set)
		conf.rules.SearchRegistries, conf.dropIns = nil, nil
		conf = conf.on(nil)
		operator := resolve.MCO(conf.rules)
		theirs, err := openshift.MCO(string(registriesconf.Default().Bytes()), openshift.ClusterOf(set))
		if _, fails := operator.Fails(); fails || err != nil {
			require.Error(t, err, conf)
			require.True(t, fails, conf)
			require.Len(t, routes.UnderMCO(conf.table, operator), 1)
			failing++
			continue
		}
		ourClient := conf.load(t)
		theirClient, err := containersimage.LoadRegistries(t.TempDir(), string(theirs))
		require.NoError(t, err)
		differs := func(image string) bool {
			return !slices.Equal(requestsOf(t, ourClient, image), requestsOf(t, theirClient, image))
		}
		lint := routes.UnderMCO(conf.table, operator)
		any := false
		for range 8 {
			image := conf.image(s, random.Digest)
			plan, err := conf.table.Plan(image)
			require.NoError(t, err)
			f, raised := operator.Check(plan)
			any = any || raised
			require.Equal(t, differs(image), raised, "%s: %s\nours: %v\ntheirs: %v\n%s\n%s", image, f, requestsOf(t, ourClient, image), requestsOf(t, theirClient, image), conf, theirs)
			differ.Pulls++
			if raised {
				named.Pulls++
				require.True(t, contract.Named(lint, image, plan.References[0]), "no finding names %s: %v\n%s\n%s",
					image, lint, conf, theirs)
			}
		}
		wanted := false
		for _, c := range routes.Diff(routes.Linux(conf.table), routes.Linux(operator.Linux)) {
			if image := c.After.Image; differs(image) {
				wanted = true
				named.Pulls++
				require.True(t, contract.Named(lint, image, c.After.References[0]), "no finding names %s: %v\n%s\n%s",
					image, lint, conf, theirs)
			}
		}
		for _, f := range lint {
			for _, image := range contract.Examples(f) {
				without.Pulls++
				require.True(t, differs(image), "nothing differs for %s: %s\n%s\n%s", image, f, conf, theirs)
			}
		}
		raised := len(lint) > 0
		if raised {
			named.Configurations++
			without.Configurations++
		}
		require.Equal(t, wanted, raised, "%s\n%s", conf, theirs)
		require.False(t, any && !raised, "a plan differs, and lint says nothing\n%s\n%s", conf, theirs)
		if raised && !any {
			seldom++
		}
		row := equal
		if raised {
			row = differ
		}
		if row.Configurations < random.Count(5_000) {
			row.Configurations++
		}
		require.NoError(t, ourClient.Close())
		require.NoError(t, theirClient.Close())
	}
	t.Logf("%d drawn, in %d MCO fails, in %d no image of the sample differed", drawn, failing, seldom)
	require.Greater(t, failing, 0)
}

// MCO's model is held against MCO's own code, byte for byte, through the writer of this module.
func TestTheModelOfMCOWritesItsFile(t *testing.T) {
	row := newRow(t, mco, "its steps in package resolve, entry by entry")
	s := random.New(t.Name())
	for row.Configurations < random.Count(5_000) {
		s.Plain = row.Configurations%2 == 0
		set := s.Set()
		nest(s, set)
		rules, err := set.Rules()
		require.NoError(t, err)
		base := registriesconf.Default()
		if row.Configurations%3 == 0 {
			base, _ = registriesconf.Parse("base", baseFile(s))
		}
		theirs, theirErr := openshift.MCO(string(base.Bytes()), openshift.ClusterOf(set))
		model, err := base.Table("base").EditAsMCO(rules)
		row.Configurations++
		if theirErr != nil {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		file, findings := registriesconf.Parse("mco", theirs)
		if findings.Err() != nil {
			continue // the client refuses it, which render says of such a base file
		}
		require.Equal(t, plain(file.Table("mco").Entries()), plain(model.Entries()), "%s", theirs)
	}
}

// plain leaves out where entries come from.
func plain(entries []resolve.LinuxEntry) []resolve.LinuxEntry {
	for i := range entries {
		entries[i].Origins = nil
		for j := range entries[i].Mirrors {
			entries[i].Mirrors[j].Origins = nil
		}
		if len(entries[i].Mirrors) == 0 {
			entries[i].Mirrors = nil
		}
	}
	return entries
}
