package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// The tables here have the cases that MCO tests itself with, one for one, in other words and with what
// MCO expects of each written by hand: updateRegistriesConfig, updatePolicyJSON,
// generateSigstoreRegistriesdConfig and getValidBlockedAndAllowedRegistries of
// pkg/controller/container-runtime-config, and isDrainRequired of pkg/daemon. MCO's steps and the
// library are both held against the expectation, and their files against each other.

// objectsOf builds objects from lines, each of the first five an object of its own:
//
//	digest SOURCE MIRROR…
//	tag SOURCE MIRROR…
//	icsp SOURCE MIRROR…
//	signed SCOPE…
//	signed-in NAMESPACE SCOPE…
//	blocked SCOPE…
//	allowed SCOPE…
//	insecure SCOPE…
func objectsOf(t *testing.T, text string) *mirrorset.Set {
	t.Helper()
	set := &mirrorset.Set{}
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		meta := mirrorset.ObjectMeta{Name: fmt.Sprint("o", i)}
		signed := mirrorset.ImagePolicySpec{Scopes: words[1:], Policy: mirrorset.ImageVerificationPolicy{RootOfTrust: mirrorset.RootOfTrust{
			PolicyType: "PublicKey", PublicKey: &mirrorset.PublicKeyRootOfTrust{KeyData: []byte("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n")},
		}}}
		switch words[0] {
		case "digest":
			set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{Metadata: meta,
				Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{{Source: words[1], Mirrors: words[2:]}}}})
		case "tag":
			set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{Metadata: meta,
				Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{{Source: words[1], Mirrors: words[2:]}}}})
		case "icsp":
			set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, mirrorset.ImageContentSourcePolicy{Metadata: meta,
				Spec: mirrorset.ImageContentSourcePolicySpec{RepositoryDigestMirrors: []mirrorset.RepositoryDigestMirrors{{Source: words[1], Mirrors: words[2:]}}}})
		case "signed":
			set.ClusterImagePolicies = append(set.ClusterImagePolicies, mirrorset.ClusterImagePolicy{Metadata: meta, Spec: signed})
		case "signed-in":
			meta.Namespace, signed.Scopes = words[1], words[2:]
			set.ImagePolicies = append(set.ImagePolicies, mirrorset.ImagePolicy{Metadata: meta, Spec: signed})
		case "blocked":
			image.Spec.RegistrySources.BlockedRegistries = words[1:]
		case "allowed":
			image.Spec.RegistrySources.AllowedRegistries = words[1:]
		case "insecure":
			image.Spec.RegistrySources.InsecureRegistries = words[1:]
		default:
			t.Fatalf("line %q", line)
		}
	}
	set.Images = []mirrorset.Image{image}
	return set
}

// rulesOf returns the rules of objects; err is what refuses them.
func rulesOf(t *testing.T, set *mirrorset.Set) (*mirrorset.Rules, error) {
	t.Helper()
	rules, findings := set.Rules()
	require.NotNil(t, rules)
	return rules, findings
}

func TestUpdateRegistriesConfigAsMCOTestsIt(t *testing.T) {
	row := newRow(t, mco, "the table of updateRegistriesConfig, registries.conf byte for byte")
	wildcards := `
insecure i.com *.i-some.org *.i.b-some.org
blocked b.com *.b.i-some.org *.b-some.org`
	// entries are the names of the entries in the order of the file, b for blocked and i for insecure.
	bothWays := []string{"b.com/x/y b", "i.com/x i", "o.com/z", "b.com b", "*.b.i-some.org bi", "*.b-some.org b", "i.com i", "*.i-some.org i", "*.i.b-some.org bi"}
	for name, test := range map[string]struct {
		objects string
		entries []string
	}{
		"nothing to change": {},
		"insecure and blocked scopes, some of them both": {
			objects: "insecure registry.access.redhat.com i.com both.com\nblocked b.com both.com docker.io",
			entries: []string{"b.com b", "both.com bi", "docker.io b", "registry.access.redhat.com i", "i.com i"},
		},
		"ImageContentSourcePolicy, with wildcard scopes": {
			objects: "icsp i.com/x b.com/m o.com/m\nicsp b.com/x/y o.com/n i.com/n\nicsp o.com/z i.com/n b.com/x/n foo.i-some.org/n" + wildcards,
			entries: bothWays,
		},
		"ImageDigestMirrorSet, with wildcard scopes": {
			objects: "digest i.com/x b.com/m o.com/m\ndigest b.com/x/y o.com/n i.com/n\ndigest o.com/z i.com/n b.com/x/n foo.i-some.org/n" + wildcards,
			entries: bothWays,
		},
		"ImageTagMirrorSet": {
			objects: "tag a.com t.a.com\ntag b.com t.b.com",
			entries: []string{"a.com", "b.com"},
		},
		"ImageDigestMirrorSet and ImageTagMirrorSet": {
			objects: "digest a.com d1.a.com d2.a.com\ndigest b.com d1.b.com d2.b.com\ntag a.com t1.a.com t2.a.com\ntag b.com t1.b.com t2.b.com",
			entries: []string{"a.com", "b.com"},
		},
		"all three kinds": {
			objects: "digest a.com d1.a.com d2.a.com\ndigest b.com d1.b.com d2.b.com\ntag a.com t1.a.com t2.a.com\ntag b.com t1.b.com t2.b.com\n" +
				"icsp a.com d1.a.com d2.a.com c.a.com\nicsp b.com d1.b.com d2.b.com c.b.com\nicsp c.com c1.c.com c2.c.com",
			entries: []string{"a.com", "b.com", "c.com"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			row.Configurations++
			set := objectsOf(t, test.objects)
			rules, err := rulesOf(t, set)
			require.NoError(t, err)
			theirs, err := openshift.MCO(openshift.MCOBase, openshift.ClusterOf(set))
			require.NoError(t, err)
			files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
			require.NoError(t, findings.Err())
			require.Equal(t, string(theirs), string(files.Config.Bytes()))
			var entries []string
			for _, r := range files.Config.Registries {
				marks := ""
				if r.Blocked {
					marks = "b"
				}
				if r.Insecure {
					marks += "i"
				}
				entries = append(entries, strings.TrimSpace(r.Scope()+" "+marks))
			}
			require.Equal(t, test.entries, entries)
		})
	}
}

// scopes are those of docker or atomic in a policy.json, each with the type of its first requirement.
func scopes(t *testing.T, text, transport string) map[string]string {
	t.Helper()
	type requirement struct{ Type string }
	var policy struct {
		Default    []requirement
		Transports map[string]map[string][]requirement
	}
	require.NoError(t, json.Unmarshal([]byte(text), &policy))
	out := map[string]string{"default": policy.Default[0].Type}
	for scope, list := range policy.Transports[transport] {
		require.Len(t, list, 1)
		out[scope] = list[0].Type
	}
	return out
}

func TestUpdatePolicyJSONAsMCOTestsIt(t *testing.T) {
	row := newRow(t, mco, "the table of updatePolicyJSON, byte for byte")
	const release = "pay.io/ocp/release@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	const accept, reject, signed = "insecureAcceptAnything", "reject", "sigstoreSigned"
	for name, test := range map[string]struct {
		objects string
		docker  map[string]string
		atomic  map[string]string // nil where it is as docker
		refused bool
	}{
		"nothing to change": {},
		"allowed scopes": {objects: "allowed a.io *.a.org",
			docker: map[string]string{"default": reject, "a.io": accept, "*.a.org": accept}},
		"blocked scopes": {objects: "blocked b.io *.b.org",
			docker: map[string]string{"default": accept, "b.io": reject, "*.b.org": reject}},
		"a blocked scope beside the payload, which is allowed": {objects: "blocked b.io\nallowed pay.io/ocp/release",
			docker: map[string]string{"default": accept, "b.io": reject, "pay.io/ocp/release": accept}},
		"the registry of the payload is blocked, which a mirror keeps usable": {objects: "blocked b.io pay.io\ndigest pay.io/ocp m.io/ocp",
			docker: map[string]string{"default": accept, "b.io": reject, "pay.io": reject, "pay.io/ocp/release": accept}},
		"blocked and allowed scopes that leave the payload out": {objects: "blocked b.io c.io\nallowed a.io", refused: true},
		"allowed scopes that are too deep for atomic": {objects: "allowed a.io a.io/n/o d.org/n/o/p",
			docker: map[string]string{"default": reject, "a.io": accept, "a.io/n/o": accept, "d.org/n/o/p": accept},
			atomic: map[string]string{"default": reject, "a.io": accept, "a.io/n/o": accept}},
		"blocked scopes that are too deep for atomic": {objects: "blocked b.io b.io/n/o d.org/n/o/p",
			docker: map[string]string{"default": accept, "b.io": reject, "b.io/n/o": reject, "d.org/n/o/p": reject},
			atomic: map[string]string{"default": accept, "b.io": reject, "b.io/n/o": reject}},
		"a ClusterImagePolicy replaces what allows its scope": {objects: "allowed a.io s.io\nsigned s.io",
			docker: map[string]string{"default": reject, "a.io": accept, "s.io": signed}},
	} {
		t.Run(name, func(t *testing.T) {
			row.Configurations++
			c := cluster{objectsOf(t, test.objects), release}
			rules, _ := rulesOf(t, c.set) // that blocked and allowed exclude each other is said here too
			theirs, err := c.node(t)
			ours, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: c.release})
			require.Equal(t, test.refused, err != nil, err)
			require.Equal(t, test.refused, findings.Err() != nil, findings)
			if test.refused {
				return
			}
			files := map[string]string{}
			for _, f := range ours.List() {
				files[f.Path] = string(f.Data)
			}
			require.Equal(t, theirs.files, files)
			text, written := files["/etc/containers/policy.json"]
			require.Equal(t, test.docker != nil, written)
			if written {
				require.Equal(t, test.docker, scopes(t, text, "docker"))
				atomic := test.atomic
				if atomic == nil {
					atomic = test.docker
				}
				require.Equal(t, atomic, scopes(t, text, "atomic"))
			}
		})
	}
}

func TestSigstoreRegistriesAsMCOTestsThem(t *testing.T) {
	row := newRow(t, mco, "the table of generateSigstoreRegistriesdConfig, byte for byte")
	const digest = "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	list := "a.io/b/c a.io/b/c" + digest + " *.w.org foo.w.org/r/s p.q"
	own := []string{"a.io/b/c", "a.io/b/c" + digest, "*.w.org", "foo.w.org/r/s", "p.q"}
	for name, test := range map[string]struct {
		objects string
		more    []string // beside own
	}{
		"ClusterImagePolicy, and no mirrors":           {objects: "signed " + list},
		"mirrors of other sources only":                {objects: "signed " + list + "\nicsp x.io/x/y mx.io/x/y\ndigest y.io/x/y my.io/x/y\ntag z.io/x/y mz.io/x/y"},
		"sources inside a scope, and the scope itself": {objects: "signed " + list + "\ndigest a.io/b/c m0.io/b/c\ndigest a.io/b/c/d m1.io/x/y/z\ndigest a.io/b/c/d-1 m2.io/x/y/z\ndigest x.io/x/y mx.io/x/y", more: []string{"m0.io/b/c", "a.io/b/c/d", "m1.io/x/y/z", "a.io/b/c/d-1", "m2.io/x/y/z"}},
		"a scope inside sources, of which the most specific counts": {objects: "signed " + list + "\ndigest a.io m0.io\ndigest a.io/b m1.io/b\ndigest x.io/x/y mx.io/x/y",
			more: []string{"m1.io/b/c"}},
		"a wildcard scope that is a source": {objects: "signed " + list + "\ndigest *.w.org m.io/w",
			more: []string{"m.io/w", "m.io/w/r/s"}},
		"sources inside a wildcard scope, and a wildcard source around a scope": {objects: "signed " + list + "\ndigest a.w.org ma.io\ndigest *.x.w.org mx1.io mx2.io\ndigest *.q mq.io\ndigest x.io/x/y mx.io/x/y",
			more: []string{"a.w.org", "ma.io", "mx1.io", "mx2.io", "mq.io"}},
		"ImagePolicy, and no mirrors":                        {objects: "signed-in ns " + list},
		"ClusterImagePolicy and ImagePolicy, and no mirrors": {objects: "signed " + list + "\nsigned-in ns s.io t.io", more: []string{"s.io", "t.io"}},
	} {
		t.Run(name, func(t *testing.T) {
			row.Configurations++
			c := cluster{objectsOf(t, test.objects), "pay.io/ocp/release" + digest}
			rules, err := rulesOf(t, c.set)
			require.NoError(t, err)
			theirs, err := c.node(t)
			require.NoError(t, err)
			ours, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: c.release})
			require.NoError(t, findings.Err())
			files := map[string]string{}
			for _, f := range ours.List() {
				files[f.Path] = string(f.Data)
			}
			require.Equal(t, theirs.files, files)
			require.ElementsMatch(t, slices.Concat(own, test.more), ours.Attachments)
		})
	}
}

func TestBlockedAndAllowedAsMCOTestsThem(t *testing.T) {
	row := newRow(t, mco, "the table of getValidBlockedAndAllowedRegistries")
	const digest = "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	for name, test := range map[string]struct {
		objects, payload                string
		blocked, policyBlocked, allowed []string
		// unusable is set where MCO logs that a scope would cut the node off from the payload, and goes
		// on without it. The library goes on alike, and says so as a finding.
		unusable bool
	}{
		"blocked scopes, and no mirrors": {objects: "blocked b.io c.io", payload: "pay.io/release",
			blocked: []string{"b.io", "c.io"}, policyBlocked: []string{"b.io", "c.io"}},
		"blocked scopes, and mirrors of another source": {objects: "blocked b.io c.io\ndigest s.io/x m1.io/x m2.io/x", payload: "pay.io/release",
			blocked: []string{"b.io", "c.io"}, policyBlocked: []string{"b.io", "c.io"}},
		"the payload is blocked and has no mirror": {objects: "blocked b.io pay.io c.io\ndigest s.io/x m1.io/x m2.io/x", payload: "pay.io/release",
			blocked: []string{"b.io", "c.io"}, policyBlocked: []string{"b.io", "c.io"}, unusable: true},
		"the payload is blocked and has a mirror": {objects: "blocked b.io pay.io c.io\ndigest pay.io/release m1.io/x m2.io/x", payload: "pay.io/release",
			blocked: []string{"b.io", "pay.io", "c.io"}, policyBlocked: []string{"b.io", "pay.io", "c.io"}, allowed: []string{"pay.io/release"}},
		"the payload is blocked, and so is its place at the mirror": {objects: "blocked pay.io m.io/release\ndigest pay.io m.io", payload: "pay.io/release",
			blocked: []string{"m.io/release"}, policyBlocked: []string{"m.io/release"}, unusable: true},
		"the payload is blocked, and so is the registry of its mirror": {objects: "blocked pay.io m.io\ndigest pay.io/release m.io/release", payload: "pay.io/release",
			blocked: []string{"m.io"}, policyBlocked: []string{"m.io"}, unusable: true},
	} {
		t.Run(name, func(t *testing.T) {
			row.Configurations++
			c := cluster{objectsOf(t, test.objects), test.payload + digest}
			rules, err := rulesOf(t, c.set)
			require.NoError(t, err)
			theirs, err := c.lists(t)
			require.NoError(t, err)
			require.Equal(t, test.blocked, theirs.blocked)
			require.Equal(t, test.policyBlocked, theirs.policyBlocked)
			require.Equal(t, test.allowed, theirs.allowed)

			ours, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: c.release})
			require.Equal(t, test.blocked, values(ours.Blocked))
			want := map[string]string{"default": "insecureAcceptAnything"}
			for _, s := range test.policyBlocked {
				want[s] = "reject"
			}
			for _, s := range test.allowed {
				want[s] = "insecureAcceptAnything"
			}
			require.Equal(t, want, scopes(t, string(ours.PolicyJSON), "docker"))
			require.Equal(t, test.unusable, slices.ContainsFunc(findings, func(f finding.Finding) bool {
				return f.Code == finding.CodePayloadBlocked && f.Severity != finding.SeverityInfo
			}), findings)
		})
	}
}

func TestDrainsAsMCOTestsThem(t *testing.T) {
	row := newRow(t, "MCO (its own expectations)", "the table of isDrainRequired")
	head := "unqualified-search-registries = [\"s.io\", \"t.io\"]\n"
	// entry writes a [[registry]]: its settings, and its mirrors, each with what it is for.
	entry := func(settings string, mirrors ...string) string {
		text := "[[registry]]\n" + settings + "\n"
		for _, m := range mirrors {
			location, kind, _ := strings.Cut(m, " ")
			text += fmt.Sprintf("[[registry.mirror]]\nlocation = %q\n", location)
			if kind != "" {
				text += fmt.Sprintf("pull-from-mirror = %q\n", kind)
			}
		}
		return text
	}
	const a, b = `location = "a.io/x"`, `location = "b.io/y"`
	const digestOnly = "\nmirror-by-digest-only = true"
	const moved = "prefix = \"p.io\"\nlocation = \"a.io/x\""
	anyKind, digests := entry(a, "m.io/x"), entry(a, "m.io/x digest-only")
	const m, n = "m.io/y digest-only", "n.io/y digest-only"
	for name, test := range map[string]struct {
		old, new string
		drain    bool
		// dropIn is a file beside it that changes too: MCO has no action for it but a reboot, as in
		// MCO's case of a reboot that is called for anyway.
		dropIn bool
	}{
		"nothing changes, and nothing is called for":               {head + anyKind, head + anyKind, false, false},
		"a reboot is called for anyway":                            {head + anyKind, head + anyKind, true, true},
		"nothing changes":                                          {head + anyKind + entry(b, m), head + anyKind + entry(b, m), false, false},
		"a new registry for digests":                               {head + anyKind, head + anyKind + entry(b, m), false, false},
		"a new registry without mirrors":                           {head + digests, head + digests + entry(b), true, false},
		"a registry is gone":                                       {head + anyKind + entry(b, m), head + anyKind, true, false},
		"a new mirror for digests":                                 {head + anyKind + entry(b, m), head + anyKind + entry(b, m, n), false, false},
		"a new registry for digests beside one that is not":        {head + entry(moved+"\nblocked = true"), head + entry(b, m) + entry(moved+"\nblocked = true"), false, false},
		"a new mirror for every pull":                              {head + digests + entry(b), head + digests + entry(b, "m.io/y"), true, false},
		"a mirror is gone":                                         {head + anyKind + entry(b, m, n), head + anyKind + entry(b, m), true, false},
		"a search registry is gone":                                {"unqualified-search-registries = [\"s.io\", \"t.io\", \"u.io\"]\n" + digests, head + anyKind, true, false},
		"a new search registry at the end":                         {head + anyKind, "unqualified-search-registries = [\"s.io\", \"t.io\", \"u.io\"]\n" + digests, false, false},
		"another prefix":                                           {head + entry(moved), head + entry(a), true, false},
		"blocked now":                                              {head + entry(moved), head + entry(moved+"\nblocked = true"), true, false},
		"a mirror is gone, and another for digests only":           {head + anyKind + entry(b, m), head + digests + entry(b), true, false},
		"a new mirror of a registry that is mirror-by-digest-only": {head + entry(a+digestOnly, "m.io/x"), head + entry(a+digestOnly, "m.io/x", "n.io/x"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			row.Configurations++
			before, findings := registriesconf.Parse("old", []byte(test.old))
			require.NoError(t, findings.Err())
			after, findings := registriesconf.Parse("new", []byte(test.new))
			require.NoError(t, findings.Err())
			impact := registriesconf.Impact(before, after)
			if test.dropIn {
				impact = impact.WithDropIn("/etc/containers/registries.conf.d/01-image-searchRegistries.conf", nil, &registriesconf.Config{UnqualifiedSearchRegistries: []string{"u.io"}})
			}
			require.Equal(t, test.drain, impact.Drain, impact)
		})
	}
}
