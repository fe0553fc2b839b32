package hoststoml

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Validate says what a containerd would refuse in the file, or read otherwise than it stands here. The
// findings name fields as they are written: host."https://m.io".capabilities. Err of the findings is
// nil where Parse reads from Bytes what is in f.
func (f *File) Validate() finding.Findings {
	if f == nil {
		f = &File{}
	}
	problems := append(f.problems(), f.unreadProblems(nil)...)
	for _, line := range strings.Split(f.Comment, "\n") {
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && control(r) }) {
			problems = append(problems, refuse([]string{"comment"}, "", "a comment is UTF-8 text without "+
				"control characters"))
		}
	}
	seen := map[string]bool{}
	for _, host := range f.Hosts {
		at := []string{"host", host.URL}
		if seen[host.URL] {
			problems = append(problems, refuse(at, host.URL,
				"TOML allows each table once: merge the settings of both").ignoredBy(everyVersion))
		}
		seen[host.URL] = true
		problems = append(problems, under(at, tableNameProblems(host.URL))...)
		problems = append(problems, host.unreadProblems(at)...)
	}
	var findings finding.Findings
	for _, p := range problems {
		findings = append(findings, p.finding(finding.Origin{}))
	}
	return findings.Sort()
}

// A problem is a finding in the making.
type problem struct {
	path     []string // keys; until it reaches the file, those below the table
	value    string
	text     string
	severity finding.Severity
	code     finding.Code // where it is none of those for a file and its settings
	refused  bool
	versions versions         // that ignore the whole file for it
	roughly  bool             // what 1.6 and 1.7 read then is not known to the last
	platform finding.Platform // of a problem that not every node with containerd has
}

// versions name who ignores a file, in the words of a message.
type versions string

const (
	everyVersion     versions = "containerd 1.6, 1.7 and 2"
	newVersions      versions = "containerd 2"
	oldVersions      versions = "containerd 1.6 and 1.7"
	beforeReferrers  versions = "containerd 1.6, 1.7, 2.0 and 2.1"
	beforeServerOnly versions = "containerd 1.6, and 1.7 before 1.7.32"
)

// refuse makes a problem of something that containerd refuses; ignoredBy adds that the whole file goes
// with it.
func refuse(path []string, value, text string) problem {
	return problem{path: path, value: value, text: text, severity: finding.SeverityError, refused: true}
}

// warn makes a problem of something that containerd does not read, or reads otherwise than it looks.
func warn(path []string, value, text string) problem {
	return problem{path: path, value: value, text: text, severity: finding.SeverityWarning}
}

func (p problem) ignoredBy(v versions) problem {
	p.versions = v
	return p
}

func (p problem) roughlyOld() problem {
	p.roughly = true
	return p
}

// as gives a problem a code of its own.
func (p problem) as(code finding.Code, severity finding.Severity) problem {
	p.code, p.severity = code, severity
	return p
}

func (p problem) finding(origin finding.Origin) finding.Finding {
	origin.Field = field(p.path)
	f := finding.Finding{
		Code:     finding.CodeIgnoredSetting,
		Severity: p.severity,
		Origin:   origin,
		Value:    shown.Location(p.value),
		Message:  p.text,
	}
	if p.versions != "" {
		f.Message += fmt.Sprintf("; the whole file is ignored by %s: a line is logged and the original "+
			"registry contacted", p.versions)
	}
	if p.refused {
		f.RefusedBy = finding.Client
	}
	switch {
	case p.refused || p.versions != "":
		f.Code = finding.CodeInvalidFile
	case p.code != "":
		f.Code, f.Platform = p.code, cmp.Or(p.platform, finding.Containerd)
	}
	return f
}

// field writes a path of keys as TOML does, host names always in quotes.
func field(path []string) string {
	parts := make([]string, len(path))
	for i, key := range path {
		switch said := shown.Key(key); {
		case i == 1 && path[0] == "host":
			parts[i] = `"` + shown.Value(key) + `"`
		case bareKey(said):
			parts[i] = said
		default:
			parts[i] = `"` + said + `"`
		}
	}
	return strings.Join(parts, ".")
}

// under moves problems of a table to where the table stands.
func under(at []string, problems []problem) []problem {
	for i := range problems {
		problems[i].path = append(slices.Clip(at), problems[i].path...)
	}
	return problems
}

// problems returns what Parse and Validate have in common.
func (f *File) problems() []problem {
	server := []string{"server"}
	var out []problem
	if f.Server == "" {
		out = append(out, warn(server, "", "absent: containerd contacts the original registry after the "+
			"hosts; name here who is to be asked last"))
		for key, set := range map[string]bool{"capabilities": len(f.Capabilities) > 0,
			"override_path": f.OverridePath} {
			if set {
				out = append(out, warn([]string{key}, "", "not read without server: the original registry "+
					"is asked for everything, at /v2"))
			}
		}
	} else {
		out = append(out, under(server, urlProblems(f.Server, "containerd contacts the original registry instead"))...)
	}
	out = append(out, f.Settings.problems()...)
	out = append(out, under(server, askedProblems(f.Server, f.Settings, f.ours()))...)
	out = append(out, f.serverOnly()...)
	for _, host := range f.Hosts {
		out = append(out, under([]string{"host", host.URL}, askedProblems(host.URL, host.Settings, f.ours()))...)
		out = append(out, under([]string{"host", host.URL}, host.problems())...)
	}
	return out
}

func (h Host) problems() []problem {
	return append(urlProblems(h.URL, "no request to this host can be sent"), h.Settings.problems()...)
}

// serverOnly reports the settings at the top of a file that none of its hosts has. A file that
// Render made says there what it means.
func (f *File) serverOnly() []problem {
	if len(f.Hosts) == 0 || f.ours() {
		return nil
	}
	var out []problem
	for _, setting := range []struct {
		name string
		set  func(Settings) bool
	}{
		{"ca", func(s Settings) bool { return len(s.CA) > 0 }},
		{"capabilities", func(s Settings) bool { return len(s.Capabilities) > 0 }},
		{"client", func(s Settings) bool { return len(s.Client) > 0 }},
		{"header", func(s Settings) bool { return len(s.Header) > 0 }},
		{"override_path", func(s Settings) bool { return s.OverridePath }},
		{"skip_verify", func(s Settings) bool { return s.SkipVerify != nil && *s.SkipVerify }},
	} {
		if setting.set(f.Settings) && !slices.ContainsFunc(f.Hosts,
			func(h Host) bool { return setting.set(h.Settings) }) {
			out = append(out, warn([]string{setting.name}, "",
				"reaches only server: no host table has it, and a host takes nothing from the top of the "+
					"file; repeat it in the tables that need it").
				as(finding.CodeServerOnly, finding.SeverityInfo))
		}
	}
	return out
}

// ours reports whether Render made the file.
func (f *File) ours() bool { return strings.HasPrefix(f.Comment, Marker) }

// askedProblems says what becomes of requests to a host that containerd accepts in a file. In a
// file that Render made, HTTPS comes first because insecureRegistries of Image means that.
func askedProblems(raw string, s Settings, ours bool) []problem {
	target, err := ParseTarget(raw, s.OverridePath)
	if err != nil || strings.Contains(raw, "://") && !strings.HasPrefix(raw, "http") {
		return nil // refused already
	}
	var out []problem
	name, port, _ := strings.Cut(target.Host, ":")
	switch {
	case noHost(target.Host):
		out = append(out, warn(nil, raw, "is the name of no host: every request to it fails; name a "+
			"registry (for all registries that have no directory of their own, _default is the directory)").
			as(finding.CodeUnreachableHost, finding.SeverityWarning))
	// Ours has what containerd asks for an image of Docker.io.
	case !ours && strings.EqualFold(name, "docker.io") && (port == "" || port == "443"):
		out = append(out, warn(nil, raw, "is a web site, not a registry: pulls by tag that come to it "+
			"fail; write https://registry-1.docker.io").
			as(finding.CodeDockerIOServer, finding.SeverityWarning))
	}
	return append(out, wayProblems(raw, target.Scheme, port, s, ours)...)
}

// wayProblems says what becomes of the scheme and the path of a host.
func wayProblems(raw, scheme, port string, s Settings, ours bool) (out []problem) {
	if e := toEndpoint(raw, s, finding.Origin{}); e.OtherPath() != "" {
		out = append(out, warn(nil, raw, e.OtherPath()).as(finding.CodeOtherPath, finding.SeverityWarning))
	}
	if !strings.Contains(raw, "://") {
		out = append(out, warn(nil, raw, "has no scheme: it is asked by https; write https:// before it, "+
			"or http:// where it is meant").
			as(finding.CodeNoScheme, finding.SeverityWarning))
	}
	// parseHostConfig sets a TLS configuration for any of the three, and with one, NewHTTPFallback
	// asks by HTTPS first (1.7 and 2, not on port 80).
	if scheme == "http" && !ours && port != "80" && (s.SkipVerify != nil || len(s.CA)+len(s.Client) > 0) {
		out = append(out, warn(nil, raw, "is asked by https first, and by http only where that fails, "+
			"because skip_verify, ca or client is set; remove them, or write https://").
			as(finding.CodeHTTPSFirst, finding.SeverityInfo))
	}
	return out
}

// noHost reports whether a host[:port] of a URL can be no host: it has signs that no name and no
// address has, an empty label, or a port that is too large.
func noHost(host string) bool {
	if strings.HasPrefix(host, "[") { // IPv6
		return false
	}
	name, port, _ := strings.Cut(host, ":")
	if n, _ := strconv.Atoi(port); n > 65535 { // of more digits than an int has it is the largest one
		return true
	}
	name = strings.TrimSuffix(name, ".")
	return slices.Contains(strings.Split(name, "."), "") ||
		strings.ContainsFunc(name, func(r rune) bool { return r < utf8.RuneSelf && r != '.' && !bareKey(string(r)) })
}

// urlProblems says what is wrong with the URL of a host or of server. The consequence is what follows
// where only the URL, not the file, is useless.
func urlProblems(raw, consequence string) []problem {
	if !utf8.ValidString(raw) {
		return []problem{notUTF8(nil)}
	}
	u, err := parseURL(raw)
	if err != nil && raw != "" {
		return []problem{refuse(nil, raw, err.Error()).ignoredBy(everyVersion)}
	}
	if _, err := askable(raw); err != nil {
		return []problem{refuse(nil, "", err.Error()+"; "+consequence)}
	}
	if strings.Contains(raw, "://") && !strings.HasPrefix(raw, "http") {
		return []problem{refuse(nil, raw, fmt.Sprintf(
			`a URL has to begin with "https://" or "http://", in lower case: containerd puts another https:// `+
				`before this one and asks the host "%s"`, shown.Value(u.Host)))}
	}
	var out []problem
	for part, there := range map[string]bool{
		"user information": u.User != nil,
		"the query":        u.RawQuery != "" || u.ForceQuery,
		"the fragment":     u.Fragment != "",
	} {
		if there {
			out = append(out, warn(nil, raw, "containerd does not send "+part+" of a URL: remove it"))
		}
	}
	return out
}

// tableNameProblems says what the lexer of go-toml 1.9.5, lexInsideTableKey, makes of a table's name: it
// ends it at the first "]", quoted or not, and knows no escapes.
func tableNameProblems(url string) []problem {
	if !strings.ContainsAny(url, "[]\"\\") && !strings.ContainsFunc(url, control) {
		return nil
	}
	return []problem{refuse(nil, url, `"[", "]", '"', "\" and control characters cannot stand in a table's `+
		`name, and an IPv6 address therefore neither; use a host name`).ignoredBy(oldVersions).roughlyOld()}
}

func notUTF8(path []string) problem {
	return refuse(path, "", "not UTF-8 text, which TOML cannot hold")
}

func (s Settings) problems() []problem {
	var out []problem
	for _, c := range s.Capabilities {
		at := []string{"capabilities"}
		switch c {
		case CapabilityPull, CapabilityResolve, CapabilityPush:
		case CapabilityReferrers:
			out = append(out, warn(at, string(c), "known from containerd 2.2 on").ignoredBy(beforeReferrers))
		default:
			out = append(out, refuse(at, string(c), "unknown capability: use pull, resolve, push or "+
				"referrers, in lower case").ignoredBy(everyVersion))
		}
	}
	for _, path := range s.CA {
		out = append(out, pathProblems("ca", path)...)
	}
	if len(s.CA) > 0 {
		alone := warn([]string{"ca"}, s.CA[0], caAlone).as(finding.CodeCAAlone, finding.SeverityInfo)
		alone.platform = finding.Windows
		out = append(out, alone)
	}
	for _, pair := range s.Client {
		out = append(out, pathProblems("client", pair.Cert)...)
		if pair.Key != "" {
			out = append(out, pathProblems("client", pair.Key)...)
		}
	}
	for _, name := range s.Header.names() {
		out = append(out, headerProblems(name, s.Header[name])...)
	}
	at, value := []string{"dial_timeout"}, s.DialTimeout.String()
	if s.DialTimeout < 0 {
		out = append(out, refuse(at, value, "negative: every connection of containerd 2 times out at "+
			"once; remove it or write a positive duration"))
	}
	if s.DialTimeout != 0 {
		old := warn(at, value, "read by containerd 2 only: 1.6, 1.7 and 2.0 up to 2.0.5 wait 30 seconds")
		old.severity = finding.SeverityInfo
		out = append(out, old)
	}
	return append(out, rewriteProblems(s.Rewrites)...)
}

// pathProblems checks a file name of ca or client. containerd joins it to the file's own directory: an
// empty one names the directory, and ConfigureHosts fails when it reads that.
func pathProblems(key, path string) []problem {
	switch {
	case path == "":
		return []problem{refuse([]string{key}, "", "an empty path stands for the directory of the file, "+
			"which is no certificate: every pull from the registry fails; name the file")}
	case !utf8.ValidString(path):
		return []problem{notUTF8([]string{key})}
	}
	return nil
}

// missingFiles looks for the files that ca and client name. containerd joins a relative path to the
// directory of the file (hosts.go, makeAbsPath). An absolute one may be there on the node, and not
// where its files are looked at; in an archive it is not looked for.
func (f *File) missingFiles(in registryDir) (missing []problem) {
	look := func(at []string, s Settings) {
		for _, ca := range s.CA {
			missing = append(missing, in.certificate(append(slices.Clip(at), "ca"), ca)...)
		}
		for _, pair := range s.Client {
			missing = append(missing, in.certificate(append(slices.Clip(at), "client"), pair.Cert)...)
			missing = append(missing, in.certificate(append(slices.Clip(at), "client"), pair.Key)...)
		}
	}
	look(nil, f.Settings)
	for _, h := range f.Hosts {
		look([]string{"host", h.URL}, h.Settings)
	}
	return missing
}

// certificate reports a file that a field names and that cannot be read.
func (d registryDir) certificate(field []string, name string) []problem {
	if name == "" {
		return nil // said already
	}
	elsewhere := absolute.MatchString(name)
	path := name
	if _, local := d.fsys.(disk); !elsewhere {
		path = d.file(name)
	} else if !local {
		return nil
	}
	why := ""
	switch info, err := fs.Stat(d.fsys, path); {
	case err != nil:
		why = reason(err)
	case info.IsDir():
		why = "it is a directory"
	default:
		r, err := d.fsys.Open(path)
		if err == nil {
			r.Close()
			return nil
		}
		why = reason(err)
	}
	if elsewhere {
		return []problem{warn(field, name, fmt.Sprintf("cannot be read here (%s): where the node cannot "+
			"read it, every pull from the registry fails; see that it is there", why)).
			as(finding.CodeInvalidFile, finding.SeverityWarning)}
	}
	return []problem{refuse(field, name, fmt.Sprintf("cannot be read (%s): every pull from the registry "+
		"fails; put the file there, or correct the name", why))}
}

// absolute matches a path that does not start at the directory of the file, on any system.
var absolute = regexp.MustCompile(`^(?:[/\\]|.:[/\\])`)

// headerProblems holds a header field to what net/http of Go sends (golang.org/x/net/http/httpguts);
// its value is never shown.
func headerProblems(name string, values []Secret) []problem {
	at := []string{"header", name}
	if name == "" || strings.ContainsFunc(name, notHeaderName) {
		return []problem{refuse(at, "", "not a name that an HTTP header can have: containerd cannot send "+
			"a request to this host")}
	}
	for _, secret := range values {
		value := secret.Reveal()
		if !utf8.ValidString(value) {
			return []problem{notUTF8(at)}
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && control(r) }) {
			return []problem{refuse(at, "", "a control character in the value: containerd cannot send a "+
				"request to this host; is there a line break at its end?")}
		}
	}
	return nil
}

// notHeaderName reports whether r is none of the token characters of RFC 9110, section 5.6.2.
func notHeaderName(r rune) bool {
	return !bareKey(string(r)) && !strings.ContainsRune("!#$%&'*+.^`|~", r)
}
