package hoststoml_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

func TestBytesWritesTheStyleOfContainerdsDocumentation(t *testing.T) {
	yes := true
	f := hoststoml.File{
		Comment: "Made by pullroute.\n\nDo not edit.",
		Server:  "https://quay.io",
		Settings: hoststoml.Settings{
			Capabilities: []hoststoml.Capability{hoststoml.CapabilityPull},
			Header:       hoststoml.Header{"X-B": hoststoml.Secrets("1", "2"), "X.A": hoststoml.Secrets("tab\tquote\"back\\slash\x00")},
		},
		Hosts: []hoststoml.Host{
			{URL: "https://mirror.io/v2/org", Settings: hoststoml.Settings{
				Capabilities: []hoststoml.Capability{hoststoml.CapabilityPull, hoststoml.CapabilityResolve},
				OverridePath: true,
				SkipVerify:   &yes,
				CA:           []string{`C:\certs\ca.pem`},
				Client:       []hoststoml.KeyPair{{Cert: "a.pem"}, {Cert: "b.pem", Key: "b.key"}},
				DialTimeout:  90 * time.Second,
				Header:       hoststoml.Header{"Authorization": hoststoml.Secrets("Basic eA==")},
			}},
			{URL: "b.io", Settings: hoststoml.Settings{CA: []string{"a", "b"}, Client: []hoststoml.KeyPair{{Cert: "a.pem"}}}},
		},
	}
	require.Equal(t, `# Made by pullroute.
#
# Do not edit.

server = "https://quay.io"
capabilities = ["pull"]

[header]
  X-B = ["1", "2"]
  "X.A" = "tab\tquote\"back\\slash\u0000"

[host."https://mirror.io/v2/org"]
  capabilities = ["pull", "resolve"]
  override_path = true
  skip_verify = true
  ca = "C:\\certs\\ca.pem"
  client = ["a.pem", ["b.pem", "b.key"]]
  dial_timeout = "1m30s"

  [host."https://mirror.io/v2/org".header]
    Authorization = "Basic eA=="

[host."b.io"]
  ca = ["a", "b"]
  client = "a.pem"
`, string(f.Bytes()))
}

func TestAFileWithoutHostsGetsAnEmptyHostTable(t *testing.T) {
	const table = "[host] # containerd before 1.7.32 ignores a file that has no host table\n"
	f := hoststoml.File{Server: "https://s.io"}
	require.Equal(t, "server = \"https://s.io\"\n\n"+table, string(f.Bytes()))
	require.Equal(t, table, string((&hoststoml.File{}).Bytes()))
	got, findings := hoststoml.Parse("", f.Bytes())
	require.Empty(t, findings)
	require.Equal(t, &f, got)
}

func TestBytesIsTOMLWhateverTheFileHolds(t *testing.T) {
	f := hoststoml.File{
		Comment:  "a\rb\x00\xff",
		Server:   "\xff\x7f",
		Settings: hoststoml.Settings{Header: hoststoml.Header{"": hoststoml.Secrets("\xff"), "a\"b\n": nil}},
		Hosts:    []hoststoml.Host{{URL: "\xff\n\"\\[]"}, {}},
	}
	require.Error(t, f.Validate().Err())
	got, _ := hoststoml.Parse("", f.Bytes())
	require.NotNil(t, got)
	require.Equal(t, "a\ufffdb\ufffd\ufffd", got.Comment)
	require.Equal(t, "\ufffd\n\"\\[]", got.Hosts[0].URL)
}

// k3s and RKE2 read rewrite and whether server is there, and other programs may read what no containerd does.
func TestWhatUpstreamContainerdDoesNotReadSurvivesARoundTrip(t *testing.T) {
	const text = `server = ""
"a b" = {c = [1, {d = "e"}]}
namespace = "x"

[rewrite]
  "^x$" = "y"

[host."https://m.io"]
  capabilities = ["pull"]
  headers = {Authorization = "Basic eA=="}

  [host."https://m.io".rewrite]
    "^rancher/(.*)" = "mirror/\\$1"
    "a" = "b"
`
	f, findings := hoststoml.Parse("hosts.toml", []byte(text))
	require.NoError(t, findings.Err())
	require.Equal(t, text, string(f.Bytes()))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", f, f, findings), "eA==")
	require.Equal(t, map[string]string{"^rancher/(.*)": `mirror/\$1`, "a": "b"}, f.Hosts[0].Rewrites)

	f, findings = hoststoml.Parse("hosts.toml", []byte("[note]\nby = 'me'\nat = 2026-01-02\n[[note.list]]\na.b = +1\n[host]\n"))
	require.NotNil(t, f)
	require.Equal(t, `{by = "me", at = 2026-01-02, list = [{a = {b = +1}}]}`, f.Unknown["note"].Reveal())
	require.Error(t, findings.Err(), "the parser of 1.6 and 1.7 knows no dates")
}

func TestValidateRefusesUnknownKeysThatCannotStandInAFile(t *testing.T) {
	for name, value := range map[string]string{"Server": `"x"`, "host": "{}", "ca": `"x"`, "\xff": "1", "a": "1\nserver = 'x'", "b": "", "c": "'x'"} {
		f := &hoststoml.File{Settings: hoststoml.Settings{Unknown: map[string]hoststoml.Secret{name: hoststoml.NewSecret(value)}}}
		require.Error(t, f.Validate().Err(), name)
		again, findings := hoststoml.Parse("", f.Bytes())
		require.NoError(t, findings.Err(), name)
		require.Equal(t, &hoststoml.File{}, again, "what is refused is not written")
	}
}

func TestWhatIsPrintedParsesToTheSame(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	valid := 0
	for range 5000 {
		f := randomFile(random)
		text := f.Bytes()
		require.Equal(t, text, f.Bytes())
		if f.Validate().Err() != nil {
			continue
		}
		valid++
		got, findings := hoststoml.Parse("", text)
		require.NoError(t, findings.Err())
		require.Equal(t, f, normalize(got), "%s", text)
		require.Equal(t, stripOrigin(f.Validate()), stripOrigin(findings))
	}
	require.Greater(t, valid, 1000)
}

func randomFile(r *rand.Rand) *hoststoml.File {
	f := &hoststoml.File{
		Comment:  pick(r, "", "", "x", "two\nlines", "\n", " \tü ", "a\n\nb\n", "\x7f"),
		Server:   pick(r, "", "s.io", "https://s.io:5000", "http://s.io/a b"),
		Settings: randomSettings(r),
	}
	urls := []string{"https://m.io", "m.io", "m.io:5000/x", "http://ü.io/it's/#", "https://m.io/v2/org", "https://m.io/a%20b?q=\xc3\xa9", "https://m.io/\""}
	r.Shuffle(len(urls), func(i, j int) { urls[i], urls[j] = urls[j], urls[i] })
	f.EmptyServer = f.Server == "" && r.Intn(2) == 0
	for _, url := range urls[:r.Intn(4)] {
		f.Hosts = append(f.Hosts, hoststoml.Host{URL: url, Settings: randomSettings(r)})
	}
	return f
}

func randomSettings(r *rand.Rand) (s hoststoml.Settings) {
	for range r.Intn(3) {
		s.Capabilities = append(s.Capabilities, pick(r, hoststoml.CapabilityPull, hoststoml.CapabilityResolve, hoststoml.CapabilityPush, hoststoml.CapabilityReferrers))
	}
	for range r.Intn(3) {
		s.CA = append(s.CA, randomText(r))
	}
	for range r.Intn(3) {
		s.Client = append(s.Client, hoststoml.KeyPair{Cert: randomText(r), Key: pick(r, "", "k.pem", `C:\k`)})
	}
	if r.Intn(2) == 0 {
		yes := r.Intn(2) == 0
		s.SkipVerify = &yes
	}
	for range r.Intn(3) {
		if s.Header == nil {
			s.Header = hoststoml.Header{}
		}
		s.Header[pick(r, "Authorization", "x", "1", "-", "X.Y", "!#$%&'*+^`|~")] = pick(r, nil, hoststoml.Secrets(""), hoststoml.Secrets("a\tb"), hoststoml.Secrets("\"", "ü\\"))
	}
	s.OverridePath = r.Intn(2) == 0
	for range r.Intn(3) {
		if s.Rewrites == nil {
			s.Rewrites = map[string]string{}
		}
		s.Rewrites[pick(r, "^a/(.*)", "(", "", "a b", "\\.x\"")] = pick(r, "b/$1", "", "\t\\")
	}
	for range r.Intn(3) {
		if s.Unknown == nil {
			s.Unknown = map[string]hoststoml.Secret{}
		}
		s.Unknown[pick(r, "headers", "X", "a b", "ü", "rewrite")] = hoststoml.NewSecret(pick(r, `"a\tb"`, "1_000", "true", `[1, "b", {c = []}]`,
			`{Authorization = ["Basic eA=="], "a b" = {d = 0xff}}`, "1979-05-27T07:32:00Z", "{}"))
	}
	s.DialTimeout = pick(r, 0, 0, 0, time.Nanosecond, 90*time.Minute, time.Duration(r.Int63()))
	return s
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.Intn(6) {
		b.WriteRune(pick(r, 'a', '"', '\'', '\\', '\n', '\r', '\t', 0, 0x1b, 0x7f, 'é', '😀', '#', '=', '[', ']', ' ', '\u2028', '\ufeff'))
	}
	return b.String()
}

func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.Intn(len(choices))] }

// normalize makes empty header lists nil.
func normalize(f *hoststoml.File) *hoststoml.File {
	for name, values := range f.Header {
		f.Header[name] = append([]hoststoml.Secret(nil), values...)
	}
	for _, host := range f.Hosts {
		for name, values := range host.Header {
			host.Header[name] = append([]hoststoml.Secret(nil), values...)
		}
	}
	return f
}
