package windows

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
)

// basic is the header that a credential becomes. The user tells whose it is.
func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret"))
}

// credentialTree writes the tree of entries, as tag rules, with credentials.
func credentialTree(t testing.TB, entries []mirrorset.ImageMirrors, keys ...string) string {
	t.Helper()
	tree, _, _ := hoststoml.Render(rulesOf(t, entries, true), hoststoml.RenderOptions{PullSecret: pullSecretOf(t, keys...)})
	dir := t.TempDir()
	_, err := tree.Write(dir)
	require.NoError(t, err)
	return dir
}

// sent lists, without repeats, who was sent what: "m.io none", "m.io Basic m.io", "m.io Bearer".
func sent(requests []world.Request) (all []string) {
	for _, r := range requests {
		what := "none"
		if scheme, rest, ok := strings.Cut(r.Authorization, " "); ok {
			what = scheme
			if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil && scheme == "Basic" {
				name, _, _ := strings.Cut(string(decoded), ":")
				what += " " + name
			}
		}
		line := r.Host + " " + what
		if r.Path == "/token" {
			line = r.Host + "/token " + what
		}
		if !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}

func TestACredentialServesBasicEverywhereAndBearerFrom2On(t *testing.T) {
	entries := []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io/org"}}}
	for name, test := range map[string]struct {
		m, quay   world.Registry
		keys      []string
		old, new2 []string // what 1.7 and 2.4 send; ending in "fails" where the pull does
	}{
		"Basic at a mirror": {
			m:    world.Registry{Auth: world.Basic, Username: "m.io-org", Password: "secret"},
			keys: []string{"m.io/org", "quay.io"},
			old:  []string{"m.io Basic m.io-org"},
			new2: []string{"m.io Basic m.io-org"},
		},
		"Basic at the source, after a mirror without the image": {
			m:    world.Registry{State: world.Empty},
			quay: world.Registry{Auth: world.Basic, Username: "quay.io", Password: "secret"},
			keys: []string{"m.io", "quay.io"},
			old:  []string{"m.io Basic m.io", "quay.io Basic quay.io"},
			new2: []string{"m.io Basic m.io", "quay.io Basic quay.io"},
		},
		"Bearer that wants a password": {
			m:    world.Registry{Auth: world.Bearer, Username: "m.io", Password: "secret"},
			quay: world.Registry{State: world.Empty},
			keys: []string{"m.io"},
			old:  []string{"m.io Basic m.io", "m.io/token none", "quay.io none", "fails"},
			new2: []string{"m.io Basic m.io", "m.io/token Basic m.io", "m.io Bearer"},
		},
		"Bearer with its token server elsewhere": {
			m:    world.Registry{Auth: world.Bearer, Username: "m.io", Password: "secret", Realm: "auth.example.net"},
			quay: world.Registry{State: world.Empty},
			keys: []string{"m.io", "quay.io"},
			old:  []string{"m.io Basic m.io", "auth.example.net/token none", "quay.io Basic quay.io", "fails"},
			new2: []string{"m.io Basic m.io", "auth.example.net/token Basic m.io", "m.io Bearer"},
		},
		"Bearer for anyone": {
			m:    world.Registry{Auth: world.Bearer},
			keys: []string{"m.io"},
			old:  []string{"m.io Basic m.io", "m.io/token none", "m.io Bearer"},
			new2: []string{"m.io Basic m.io", "m.io/token Basic m.io", "m.io Bearer"},
		},
		"a credential for a part of the endpoint is not sent": {
			m:    world.Registry{},
			keys: []string{"m.io/org/team"},
			old:  []string{"m.io none"},
			new2: []string{"m.io none"},
		},
		"a wrong credential": {
			m:    world.Registry{Auth: world.Basic, Username: "other", Password: "secret"},
			keys: []string{"m.io"},
			old:  []string{"m.io Basic m.io", "quay.io none"},
			new2: []string{"m.io Basic m.io", "quay.io none"},
		},
	} {
		for _, c := range versions {
			t.Run(name+"/"+c.Version, func(t *testing.T) {
				w := world.New()
				*w.Registry("m.io"), *w.Registry("quay.io") = test.m, test.quay
				put(w, "m.io/org/team/app", images[0])
				put(w, "quay.io/team/app", images[0])
				pull := c.Pull(context.Background(), w, credentialTree(t, entries, test.keys...), "quay.io/team/app:1")
				got, want := sent(pull.Requests), test.old
				if isV2(c) {
					want = test.new2
				}
				if pull.Err != nil {
					got = append(got, "fails")
				}
				require.Equal(t, want, got, "%v", pull.Err)
			})
		}
	}
}

func TestARegistryWithACredentialAndNoMirror(t *testing.T) {
	for _, c := range versions {
		t.Run(c.Version, func(t *testing.T) {
			w := world.New()
			*w.Registry("p.io:5000") = world.Registry{Auth: world.Basic, Username: "p.io-5000", Password: "secret"}
			*w.Registry("registry-1.docker.io") = world.Registry{Auth: world.Basic, Username: "https---index.docker.io-v1-", Password: "secret"}
			put(w, "p.io:5000/team/app", images[0])
			put(w, "registry-1.docker.io/library/busybox", images[0])
			dir := credentialTree(t, nil, "p.io:5000", "https://index.docker.io/v1/")
			require.NoError(t, c.Pull(context.Background(), w, dir, "p.io:5000/team/app:1").Err)
			require.NoError(t, c.Pull(context.Background(), w, dir, "busybox:1").Err)
		})
	}
}

// Under NeverContactSource the last mirror stands in the file twice, and has its credential both times: the
// second stands where containerd asks last, and the first may be left out of nothing.
func TestTheServerOfANeverFileHasTheCredentialOfItsEndpoint(t *testing.T) {
	entries := []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io", "n.io/x"}, MirrorSourcePolicy: mirrorset.NeverContactSource}}
	for _, c := range versions {
		t.Run(c.Version, func(t *testing.T) {
			dir := credentialTree(t, entries, "m.io", "n.io/x", "quay.io")
			hosts, err := c.LoadHosts(dir+"/quay.io", "quay.io")
			require.NoError(t, err)
			require.Len(t, hosts.Hosts, 3)
			require.Equal(t, basic("m.io"), hosts.Hosts[0].Header.Get("Authorization"))
			require.Equal(t, basic("n.io-x"), hosts.Hosts[1].Header.Get("Authorization"))
			require.Equal(t, hosts.Hosts[1], hosts.Hosts[2])
			w := world.New()
			w.Elsewhere = world.Empty
			pull := c.Pull(context.Background(), w, dir, "quay.io/team/app:1")
			require.Error(t, pull.Err)
			require.Equal(t, []string{"m.io Basic m.io", "n.io Basic n.io-x"}, sent(pull.Requests))
		})
	}
}

// A redirect is at the registry's discretion. Go's net/http keeps the header for the same host, on any port,
// and for its subdomains.
func TestWhereARedirectTakesACredential(t *testing.T) {
	for to, want := range map[string]string{
		"cdn.example.net": "cdn.example.net none",
		"cdn.m.io":        "cdn.m.io Basic m.io",
		"m.io:8443":       "m.io:8443 Basic m.io",
		"sub-m.io":        "sub-m.io none",
	} {
		for _, c := range versions {
			t.Run(to+"/"+c.Version, func(t *testing.T) {
				w := world.New()
				*w.Registry("m.io") = world.Registry{Auth: world.Basic, Username: "m.io", Password: "secret", BlobsAt: to}
				put(w, "m.io/team/app", images[0])
				put(w, to+"/team/app", images[0])
				dir := credentialTree(t, []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io"}}}, "m.io")
				pull := c.Pull(context.Background(), w, dir, "quay.io/team/app:1")
				require.NoError(t, pull.Err)
				require.Contains(t, sent(pull.Requests), want)
			})
		}
	}
}

// Random rules, random credentials, registries of all kinds: nobody but its owner, and from 2 on the token
// server that its owner names, gets to see a credential.
func TestNoCredentialReachesAnotherHost(t *testing.T) {
	inParallel(t, versions, "credentials reach their own host only", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		withHeader := 0
		for y.row.Configurations < random.Count(2_000) {
			conf := newConfiguration(y, s, "")
			if len(conf.tree) == 0 {
				continue
			}
			y.row.Configurations++
			keys := randomKeys(s, conf)
			secret := pullSecretOf(y, keys...)
			tree, table, findings := hoststoml.Render(conf.rules, hoststoml.RenderOptions{Hosts: conf.hosts, PullSecret: secret})
			table = here(table)
			for _, f := range findings {
				if strings.Contains(f.String(), "secret:") || strings.Contains(f.String(), "c2VjcmV0") {
					y.mismatch("a finding shows a credential: %s", f)
				}
			}
			dir := y.TempDir()
			_, err := tree.Write(dir)
			require.NoError(y, err)
			linkSpellings(y, table, dir)
			owners := map[string]string{} // of headers
			for _, key := range keys {
				owners[basic(user(key))] = key
			}
			for range 3 {
				image := reference(s, conf.rules)
				plan, err := table.Plan(image)
				require.NoError(y, err)
				w := stateOf(s, locations(plan.Pull)...)
				for _, l := range locations(plan.Pull) {
					host, _ := splitHost(world.WireLocation(l))
					if r := w.Registry(host); r.Auth != world.Anonymous && s.Intn(2) == 0 {
						r.Username, r.Password = user(host), "secret"
					}
					if r := w.Registry(host); r.Auth == world.Bearer && s.Intn(2) == 0 {
						r.Realm = "token." + host
					}
				}
				pull := c.Pull(context.Background(), w, dir, image)
				y.row.Pulls++
				for _, r := range pull.Requests {
					key, ok := owners[r.Authorization]
					if !ok {
						continue
					}
					withHeader++
					scope := world.WireLocation(key)
					if r.Path == "/token" {
						host, _ := splitHost(scope)
						if !isV2(c) {
							y.mismatch("%s: the credential for %s was sent to a token server", image, key)
						} else if got := world.WireLocation(r.Host); got != host && got != "token."+host {
							y.mismatch("%s: the credential for %s was sent to the token server %s", image, key, r.Host)
						}
						continue
					}
					if !world.Inside(world.WireLocation(r.Location()), scope) {
						y.mismatch("%s: the credential for %s was sent for %s\n%s", image, key, r.Location(), describe(conf.rules))
					}
				}
			}
		}
		require.Greater(y, withHeader, y.row.Configurations/4)
	})
}

// randomKeys picks scopes at, around and inside the endpoints of a configuration, none twice.
func randomKeys(s *random.Source, conf configuration) (keys []string) {
	seen := map[string]bool{}
	for _, r := range conf.table.Registries() {
		for _, e := range append(slices.Clone(r.Endpoints), *r.Server) {
			key := e.Host + strings.TrimPrefix(e.Root, "/v2")
			switch s.Intn(4) {
			case 0:
				key = e.Host
			case 1:
				key += s.Pick("/a", "/b", "/org")
			case 2:
				continue
			}
			if scope := world.WireLocation(key); !seen[scope] {
				seen[scope] = true
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		keys = []string{"quay.io"}
	}
	return keys
}
