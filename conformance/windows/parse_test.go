package windows

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// randomFile returns a File with a bit of everything that a hosts.toml can say.
func randomFile(s *random.Source) *hoststoml.File {
	settings := func() (x hoststoml.Settings) {
		for _, c := range []hoststoml.Capability{hoststoml.CapabilityPull, hoststoml.CapabilityResolve, hoststoml.CapabilityPush} {
			if s.Intn(2) == 0 {
				x.Capabilities = append(x.Capabilities, c)
			}
		}
		x.OverridePath = s.Intn(2) == 0
		if s.Intn(3) == 0 {
			skip := s.Intn(2) == 0
			x.SkipVerify = &skip
		}
		switch s.Intn(6) {
		case 0:
			x.CA = []string{"cert.pem"}
		case 1:
			x.CA = []string{"cert.pem", "./cert.pem"}
		}
		switch s.Intn(8) {
		case 0:
			x.Client = []hoststoml.KeyPair{{Cert: "both.pem"}}
		case 1:
			x.Client = []hoststoml.KeyPair{{Cert: "cert.pem", Key: "key.pem"}, {Cert: "both.pem"}}
		}
		if s.Intn(4) == 0 {
			x.Header = hoststoml.Header{"Authorization": hoststoml.Secrets("Basic dTpw"), "X-Test": hoststoml.Secrets("1", "2")}
		}
		if s.Intn(8) == 0 {
			x.DialTimeout = 5 * time.Second
		}
		return x
	}
	f := &hoststoml.File{Comment: s.Pick("", "a comment", "two\nlines")}
	if s.Intn(4) > 0 {
		f.Server = foreignURL(s)
	}
	f.Settings = settings()
	for range s.Intn(4) {
		url := foreignURL(s)
		if !slices.ContainsFunc(f.Hosts, func(h hoststoml.Host) bool { return h.URL == url }) {
			f.Hosts = append(f.Hosts, hoststoml.Host{URL: url, Settings: settings()})
		}
	}
	return f
}

// written are files in styles of other hands.
var written = []string{
	"server = \"https://quay.io\"\n\n[host.\"https://m.io\"]\n  capabilities = [\"pull\", \"resolve\"]\n  skip_verify = true\n",
	"server = 'https://quay.io' # last\nca = ['cert.pem',\n  './cert.pem', # twice\n]\n[host.'https://m.io/v2/org']\noverride_path = true\n  [host.'https://m.io/v2/org'.header]\n  Authorization = 'Basic dTpw'\n  X-Test = ['1', '2']\n[host.'https://o.io']\n",
	"[host.\"http://n.io:5000\"]\r\ncapabilities = [\"Pull\"]\r\nclient = [[\"cert.pem\", \"key.pem\"]]\r\n[host.localhost]\r\n",
	"[host]\n[host.m]\n[host.\"o.io\"]\nheader = {X-Test = \"1\"}\n[header]\nX = \"y\"\n",
	"server = \"\"\"https://quay.io\"\"\"\nskip_verify = false\n[host.\"https://m.io\"]\nclient = \"both.pem\"\ndial_timeout = \"5s\"\n[unknown]\nx = 1\ny = [1, 2]\nz = {a = 1}\n",
	"server = \"https://s.io\"\ncapabilities = [\"push\"]\noverride_path = true\n[host.\"https://m.io\"]\ncapabilities = []\n[host.\"https://m.io\".header]\n",
}

// insertions are lines that may turn up in a file: right, wrong, or in the wrong place.
var insertions = []string{
	`server = "https://x.io"`, `capabilities = ["pull"]`, `capabilities = ["referrers"]`, `capabilities = "pull"`, `ca = "cert.pem"`, `ca = 1`,
	`client = ["cert.pem", "key.pem"]`, `client = [["cert.pem", "key.pem", "x"]]`, `skip_verify = true`, `skip_verify = "true"`, `override_path = 1`,
	`header = {A = "1"}`, `header = {A = 1}`, `header.A = "1"`, `dial_timeout = "1s"`, `dial_timeout = 1`, `dial_timeout = "soon"`, `unknown = 1979-05-27`,
	`[host."https://m.io"]`, `[host."https://x.io"]`, `[host."https://m.io".header]`, `[[host."https://x.io"]]`, `[host]`, `[header]`, `[Host."https://x.io"]`,
	`[host."https://[::1]:5000"]`, `[host."a b"]`, `host = {}`, `host."https://x.io".skip_verify = true`, `host = {"https://x.io" = {}}`, `Server = "https://x.io"`,
	`SKIP_VERIFY = true`, "\ufeff", `# comment`, `""" "`, `[foo.bar]`, `[host."https://x.io".foo]`, `x = """a""""`, `x = "\e"`, `x = {a = 1,}`, `= 1`, `x`,
}

// damage does to a text what editors, merges and tired people do to files.
func damage(s *random.Source, text string) string {
	lines := strings.SplitAfter(text, "\n")
	i, j := s.Intn(len(lines)), s.Intn(len(lines))
	switch s.Intn(10) {
	case 0: // one byte is another
		if b := []byte(text); len(b) > 0 {
			b[s.Intn(len(b))] = byte(s.Intn(256))
			return string(b)
		}
	case 1: // one byte is one that means something
		if b := []byte(text); len(b) > 0 {
			b[s.Intn(len(b))] = s.Pick(`"`, "'", "[", "]", "=", ".", "#", "\\", "\n", "{", "}", ",", " ", ":", "/", "é")[0]
			return string(b)
		}
	case 2: // one is missing
		if n := s.Intn(len(text) + 1); n < len(text) {
			return text[:n] + text[n+1:]
		}
	case 3: // one is too many
		n := s.Intn(len(text) + 1)
		return text[:n] + s.Pick(`"`, "'", "[", "]", "=", ".", "#", "\\", "\n", "\r", "\t", "{", ",", "a", "1", "\x00", "é") + text[n:]
	case 4:
		return strings.Join(slices.Delete(lines, i, i+1), "")
	case 5:
		return strings.Join(slices.Insert(lines, j, lines[i]), "")
	case 6:
		line := lines[i]
		lines = slices.Delete(lines, i, i+1)
		return strings.Join(slices.Insert(lines, min(j, len(lines)), line), "")
	case 7: // two values change places
		k, v, ok := strings.Cut(lines[i], " = ")
		l, w, found := strings.Cut(lines[j], " = ")
		if ok && found && i != j {
			lines[i], lines[j] = k+" = "+w, l+" = "+v
		}
		return strings.Join(lines, "")
	default:
		return strings.Join(slices.Insert(lines, i, insertions[s.Intn(len(insertions))]+"\n"), "")
	}
	return text
}

// verdict is what the findings say of one version.
type verdict struct {
	ignored bool
	unsure  bool // of 1.6 and 1.7, whose parser is another, nothing certain is said
	useless bool // something in the file is refused, though the file is read
	differs bool // 1.6 and 1.7 read something that 2 does not, or the reverse
}

func verdictOf(c clients.Containerd, findings finding.Findings) (v verdict) {
	for _, f := range findings {
		_, who, names := strings.Cut(f.Message, "the whole file is ignored by ")
		who, _, _ = strings.Cut(who, ": a line is logged")
		switch {
		case f.Code != finding.CodeInvalidFile:
			v.differs = v.differs || strings.Contains(f.Message, "1.7")
		case !names:
			v.useless = true
			v.differs = v.differs || strings.Contains(f.Message, "1.7")
		case who == "containerd 1.6, 1.7 and 2":
			v.ignored = true
		case who == "containerd 1.6 and 1.7", who == "containerd 1.6, 1.7, 2.0 and 2.1":
			v.ignored = v.ignored || !isV2(c)
		case who == "containerd 2":
			v.ignored = v.ignored || isV2(c)
		case strings.HasPrefix(who, "containerd 2 ("): // and what it says there of 1.6 and 1.7
			v.ignored = v.ignored || isV2(c)
			v.unsure = v.unsure || !isV2(c)
		}
	}
	return v
}

func TestParseReportsTheFilesThatContainerdIgnores(t *testing.T) {
	dir := t.TempDir()
	writeCertificates(t, dir)
	s := random.New(t.Name())
	rows := map[string]tally{}
	for _, c := range versions {
		rows[c.Version] = tally{t, report.Add(name(c), "damaged files: ignored or read alike")}
	}
	ignored := 0
	files := random.Count(24_000)
	for i := range files {
		text := written[i%len(written)]
		if s.Intn(2) == 0 {
			text = string(randomFile(s).Bytes())
		}
		for range s.Intn(4) {
			text = damage(s, text)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(text), 0o644))
		file, findings := hoststoml.Parse("hosts.toml", []byte(text))
		for _, c := range versions {
			y := rows[c.Version]
			y.row.Configurations++
			hosts, err := load(c, dir)
			verdict := verdictOf(c, findings)
			version, problem := hoststoml.ParseVersion(c.Version)
			require.NoError(t, problem)
			if read, _, sure := version.Current("hosts.toml", []byte(text)); sure && text != "" {
				if (read == nil) != (hosts.Ignored != nil) {
					y.mismatch("%s ignores this file: %v; Current: %t\n%s", c.Version, hosts.Ignored, read == nil, text)
				} else if read != nil && err == nil && !verdict.useless {
					if want := expected(c, read); !slices.EqualFunc(want, hosts.Hosts, sameHost) {
						y.mismatch("%s reads %+v, Current %+v, with %v\n%s", c.Version, hosts.Hosts, want, findings, text)
					}
				}
			}
			if hosts.Ignored != nil {
				ignored++
				if !verdict.ignored && !verdict.unsure && !underReported(c, text) {
					y.mismatch("%s ignores this file (%v), and Parse says %v\n%s", c.Version, hosts.Ignored, findings, text)
				}
				continue
			}
			if verdict.ignored && !overReported(c, text) {
				y.mismatch("%s reads this file, and Parse says %v\n%s", c.Version, findings, text)
			}
			if err != nil || file == nil || overReported(c, text) || verdict.ignored || verdict.unsure || verdict.useless || verdict.differs && !isV2(c) {
				continue // a certificate cannot be read; or the difference is reported
			}
			if want := expected(c, file); !slices.EqualFunc(want, hosts.Hosts, sameHost) {
				y.mismatch("%s reads %+v, Parse %+v, with %v\n%s", c.Version, hosts.Hosts, want, findings, text)
			}
		}
	}
	require.Greater(t, ignored, files/4)
	require.Less(t, ignored, 2*files*3/4)
}

// load is LoadHosts, with a crash of the library as the error it should be.
func load(c clients.Containerd, dir string) (h clients.Hosts, err error) {
	defer func() {
		if r := recover(); r != nil {
			h.Ignored = fmt.Errorf("crash: %v", r)
		}
	}()
	return c.LoadHosts(dir, "quay.io")
}

// overReported are the files that Parse refuses for 1.7, which reads them. Its comments say that 1.6 and
// 1.7 know neither quotes nor escapes in a table's name; what they make of them instead is not followed.
// Of keys in other letter case it says what 2 makes of them.
func overReported(c clients.Containerd, text string) bool {
	return !isV2(c) && (quoted.MatchString(text) || otherCase(text))
}

var (
	quoted   = regexp.MustCompile(`(?m)^\s*\[[^\n]*(\\|'[^'\n]*"[^'\n]*')`)
	knownKey = regexp.MustCompile(`(?mi)^\s*\[*\s*(host|server|capabilities|ca|client|skip_verify|header|override_path|dial_timeout)\b`)
)

func otherCase(text string) bool {
	return slices.ContainsFunc(knownKey.FindAllString(text, -1), func(key string) bool { return key != strings.ToLower(key) })
}

// underReported are the files that 1.7 ignores, and Parse does not say so: of keys in other letter case it
// says what 2 makes of them.
func underReported(c clients.Containerd, text string) bool { return !isV2(c) && otherCase(text) }

// Each of these is ignored by 1.7, or read in another order than by 2, and a finding should say so.
func TestParseSaysWhat17StumblesOver(t *testing.T) {
	for name, content := range map[string]string{
		"something behind a value that only 2 refuses":             "dial_timeout = 1\nserver = 1\n[host]\n",
		"something behind a key that only 2 reads":                 "SKIP_verify = 1\ncapabilities = true\n[host]\n",
		"a blank in a date":                                        "server = \"https://s.io\"\nunknown = 1979-05- 7\n[host]\n",
		"a blank in a time":                                        "server = \"https://s.io\"\nunknown = 1979-05-27 07: 2:00\n[host]\n",
		"a day that is none":                                       "server = \"https://s.io\"\nunknown = 1979-02-30 07:32:00\n[host]\n",
		"a time with an offset and no date":                        "server = \"https://s.io\"\nunknown = 07:32:00Z\n[host]\n",
		"a time without seconds":                                   "server = \"https://s.io\"\nunknown = 07:32\n[host]\n",
		"a tab in a table's name":                                  "server = \"https://s.io\"\n[host.\t\"https://m.io\"]\n",
		"a host of dotted keys, asked before the tables of others": "server = \"https://s.io\"\nhost.\"https://x.io\".skip_verify = true\n[host.\"https://m.io\"]\n[host.\"https://x.io\".foo]\n",
	} {
		t.Run(name, func(t *testing.T) {
			old, err := containerd1.Client.ParseHosts(content, "quay.io")
			require.NoError(t, err)
			current, err := containerd2.Client.ParseHosts(content, "quay.io")
			require.NoError(t, err)
			var o, n []string
			for _, h := range old.Hosts {
				o = append(o, h.Host)
			}
			for _, h := range current.Hosts {
				n = append(n, h.Host)
			}
			require.True(t, old.Ignored != nil || !slices.Equal(o, n), "the versions agree: %v", o)
			_, findings := hoststoml.Parse("hosts.toml", []byte(content))
			require.True(t, slices.ContainsFunc(findings, func(f finding.Finding) bool { return strings.Contains(f.Message, "1.7") }), "%v", findings)
		})
	}
}

// expected is what a File says that a version asks.
func expected(c clients.Containerd, f *hoststoml.File) (hosts []clients.Host) {
	add := func(url string, s hoststoml.Settings) {
		target, err := hoststoml.ParseTarget(url, s.OverridePath)
		if err != nil {
			panic(err) // refused by Parse
		}
		h := clients.Host{Scheme: target.Scheme, Host: target.Host, Path: target.Path, Header: http.Header{}}
		for name, values := range s.Header {
			h.Header[name] = nil
			for _, value := range values {
				h.Header[name] = append(h.Header[name], value.Reveal())
			}
		}
		for _, capability := range []hoststoml.Capability{hoststoml.CapabilityPull, hoststoml.CapabilityResolve, hoststoml.CapabilityPush, hoststoml.CapabilityReferrers} {
			if slices.Contains(s.Capabilities, capability) || len(s.Capabilities) == 0 && (isV2(c) || capability != hoststoml.CapabilityReferrers) {
				h.Capabilities = append(h.Capabilities, string(capability))
			}
		}
		// A TLS setting has http tried by https first, except on the port of http.
		_, port, _ := net.SplitHostPort(target.Host)
		if s.SkipVerify != nil || s.CA != nil || s.Client != nil {
			if h.Scheme == "http" && port != "80" {
				h.Scheme = "https"
			}
		}
		hosts = append(hosts, h)
	}
	for _, h := range f.Hosts {
		add(h.URL, h.Settings)
	}
	if f.Server != "" {
		add(f.Server, f.Settings)
	} else {
		original := f.Settings
		original.Capabilities, original.OverridePath = nil, false
		add("https://quay.io", original)
	}
	return hosts
}

func sameHost(a, b clients.Host) bool {
	return a.Scheme == b.Scheme && a.Host == b.Host && strings.TrimSuffix(path.Join("/", a.Path), "/") == strings.TrimSuffix(path.Join("/", b.Path), "/") &&
		slices.Equal(a.Capabilities, b.Capabilities) && (len(a.Header)+len(b.Header) == 0 || fmt.Sprint(map[string][]string(a.Header)) == fmt.Sprint(map[string][]string(b.Header)))
}

// writeCertificates writes the files that ca and client name here.
func writeCertificates(t testing.TB, dir string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	writeFile(t, filepath.Join(dir, "cert.pem"), cert)
	writeFile(t, filepath.Join(dir, "key.pem"), keyPEM)
	writeFile(t, filepath.Join(dir, "both.pem"), cert+keyPEM)
}
