package hoststoml

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Parse reads a hosts.toml. The name is only used in the findings.
//
// The findings hold, as errors with the code invalid-file, everything that makes a containerd ignore
// the file or a part of it useless, naming the versions concerned; and as warnings what it reads
// otherwise than it looks or not at all. They name fields by their path in the file,
// host."https://m.io".capabilities, and their lines. Two things that old versions ignore the file for
// are warnings, because every current one reads them: the capability referrers, and a file without
// host tables.
//
// The File is nil where the TOML is malformed or a value has the wrong type. Otherwise it holds what
// containerd 2.4 reads, or would read if it were not for the values that the findings refuse; those
// are left out where a File cannot hold them. Use it for a plan only if the findings' Err is nil.
func Parse(name string, data []byte) (*File, finding.Findings) {
	r := reader{name: name}
	return r.read(data), r.findings.Sort()
}

// Current returns what containerd 2.4 makes of a hosts.toml: nil where it ignores the file. The
// findings are those of Parse.
func Current(name string, data []byte) (*File, finding.Findings) {
	f, findings, _ := Version{}.Current(name, data)
	return f, findings
}

// current returns what the reader's version of containerd makes of a file, nil where it ignores it.
func (r *reader) current(data []byte) *File {
	f := r.read(data)
	if f != nil && r.dir != nil && !r.ignored {
		missing := f.missingFiles(*r.dir)
		r.fails = slices.ContainsFunc(missing, func(p problem) bool { return p.refused })
		r.reportAll(missing)
	}
	switch {
	case r.ignored:
		return nil
	case r.version.old() && r.doc.Document != nil:
		return r.oldFile(f)
	}
	return f
}

func (r *reader) read(data []byte) *File {
	if len(data) == 0 {
		r.report(warn(nil, "", "empty: containerd reads it as if it were absent, takes the certificate "+
			"files beside it and contacts the original registry"), 1)
		return &File{}
	}
	data, ok := r.skipMark(data)
	if !ok {
		return nil
	}

	// The shape is that of parseHostsFile in containerd's hosts.go, so that go-toml makes of the file
	// what it makes of it there.
	var raw struct {
		rawSettings
		Server string                 `toml:"server"`
		Hosts  map[string]rawSettings `toml:"host"`
	}
	tree, err := tomltree.Parse(data, &raw)
	if err != nil {
		r.malformed(err)
		return nil
	}
	r.doc = document{tree}

	f := &File{Comment: topComment(string(data)), Server: raw.Server}
	f.EmptyServer = f.Server == "" && tree.Root.Get("server") != nil
	var problems []problem
	f.Settings, problems = raw.settings()
	f.Settings.keep(tree.Root, true)
	asked := map[string]bool{}
	for _, table := range r.doc.hosts() {
		host := Host{URL: table.name}
		at := []string{"host", host.URL}
		if asked[host.URL] {
			r.report(warn(at, host.URL, "this table stands apart from the one of the same host: "+
				"containerd 2 asks the host here once more, 1.6 and 1.7 do not; move it directly behind "+
				"the host's own table"), table.line)
		} else {
			problems = append(problems, under(at, tableNameProblems(host.URL))...)
		}
		asked[host.URL] = true
		var refused []problem
		host.Settings, refused = raw.Hosts[host.URL].settings()
		host.Settings.keep(tree.Root.Get("host").Get(host.URL), false)
		problems = append(problems, under(at, refused)...)
		f.Hosts = append(f.Hosts, host)
	}
	r.reportAll(append(problems, f.problems()...))
	r.keys(raw.Hosts, asked)
	for _, p := range r.doc.oldSyntax() {
		r.report(p.problem, p.line)
	}
	return f
}

// reader collects the findings of one file.
type reader struct {
	name     string
	doc      document
	findings finding.Findings
	version  Version
	dir      *registryDir // where the files that it names are looked for; nil where they are not
	ignored  bool         // by the version
	unsure   bool         // nothing certain is known of the version
	fails    bool         // every pull from the registry does: a certificate is missing
}

func (r *reader) report(p problem, line int) {
	r.ignored = r.ignored || p.versions.includes(r.version)
	r.unsure = r.unsure || p.unsure(r.version)
	r.findings = append(r.findings, p.finding(finding.Origin{File: r.name, Line: line}))
}

// reportAll reports problems where their keys stand in the document.
func (r *reader) reportAll(problems []problem) {
	for _, p := range problems {
		r.report(p, r.doc.line(p.path))
	}
}

// skipMark deals with byte-order marks. go-toml 1 skips one, and version 2 takes it for the start
// of a key. Neither reads text in UTF-16.
func (r *reader) skipMark(data []byte) (rest []byte, ok bool) {
	if rest, found := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); found {
		r.report(refuse(nil, "", "the file begins with a byte-order mark, which 1.6 and 1.7 skip; save it "+
			"without").ignoredBy(newVersions), 1)
		return rest, true
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		r.report(refuse(nil, "", "the file is UTF-16 text, as some Windows programs write it; save it as "+
			"UTF-8 without a byte-order mark").ignoredBy(everyVersion), 1)
		return nil, false
	}
	return data, true
}

// wanted says what go-toml decodes a key into.
var wanted = map[string]string{
	"server":        "a string",
	"capabilities":  "a list of strings",
	"ca":            "a path or a list of paths",
	"client":        "a path, or a list of paths and [certificate, key] pairs",
	"skip_verify":   "true or false",
	"header":        "a table of strings and lists of strings",
	"override_path": "true or false",
	"dial_timeout":  `a duration in quotes, like "10s"`,
}

// malformed reports why the file was not decoded.
func (r *reader) malformed(err error) {
	// go-toml 1 is laxer at some points (two spellings of one table, stray control characters), so that
	// nothing certain can be said of 1.6 and 1.7.
	const old = " (and by 1.6 and 1.7, whose parser is another, with few exceptions)"
	p := refuse(nil, "", err.Error()).ignoredBy(newVersions + old)
	at := &tomltree.Error{} // as all errors of the parser are
	errors.As(err, &at)
	p.path = at.Key
	if at.Mistyped {
		p.text, p.versions = wrongType(p.path)
	} else {
		p.text += fmt.Sprintf(" (at character %d of the line)", at.Column)
	}
	r.report(p, at.Line)
}

// wrongType says what should stand at a path, and who ignores the file because it does not.
func wrongType(path []string) (string, versions) {
	name := path[0]
	if strings.EqualFold(name, "host") {
		text := `hosts are tables: [host."https://HOST"]`
		switch len(path) {
		case 1:
			return text, everyVersion
		case 2:
			return text + "; 1.6 and 1.7 crash on this one if there is another host", everyVersion
		}
		name = path[2]
	}
	lower := strings.ToLower(name)
	text := "want " + wanted[lower]
	if lower == "dial_timeout" || name != lower { // 1.6 and 1.7 do not read it
		return text, newVersions + " (what 1.6 and 1.7 make of the rest of the file is not looked at " +
			"before this is mended)"
	}
	return text, everyVersion
}

func last(path []string) string { return path[len(path)-1] }

// keys reports the keys that containerd does not read, and those that only some versions read.
func (r *reader) keys(hosts map[string]rawSettings, asked map[string]bool) {
	for _, top := range r.doc.Root.Entries {
		if top.Key != "host" {
			r.topKey(keyOf(top))
			continue
		}
		for _, host := range top.Value.Entries {
			r.hostTable(keyOf(host, "host"), asked[host.Key])
			if !asked[host.Key] {
				r.oldHost(host.Key, hosts[host.Key])
			}
			for _, e := range host.Value.Entries {
				r.hostKey(keyOf(e, "host", host.Key))
			}
		}
	}
	if r.doc.Root.Get("host") == nil {
		r.report(warn([]string{"host"}, "", `there is no host table: add an empty one, `+
			`[host]`).ignoredBy(beforeServerOnly), 0)
	}
}

// topKey looks at a key at the top of the file.
func (r *reader) topKey(key key) {
	if strings.EqualFold(last(key.path), "host") {
		r.report(warn(key.path, "", "no version of containerd reads hosts from a key spelled so: write host"), key.line)
		return
	}
	r.setting(key)
}

// hostTable looks at what names a host. asked says whether containerd 2 asks it.
func (r *reader) hostTable(key key, asked bool) {
	name := last(key.path)
	switch {
	case !asked:
		r.report(warn(key.path, name, `containerd 2 does not ask this host: only a table of its own, `+
			`[host."https://HOST"], makes one; 1.6 and 1.7 ask it`), key.line)
	case !key.table:
		r.report(warn(key.path, name, `1.6 and 1.7 ask this host where its first key stands, containerd 2 `+
			`where its table does: write all its keys in the table`), key.line)
	}
}

// hostKey looks at a key in the table of a host.
func (r *reader) hostKey(key key) {
	lower := strings.ToLower(last(key.path))
	switch {
	case lower == "server":
		r.report(warn(key.path, "", unreadText(lower)), key.line)
	case key.table && wanted[lower] == "" && lower != rewriteKey:
		r.report(warn(key.path, "", `no version of containerd reads this table; if it is part of a host's `+
			`name, quote the name: [host."https://HOST"]`), key.line)
	default:
		r.setting(key)
	}
}

// setting looks at a key where a setting may stand.
func (r *reader) setting(key key) {
	name := last(key.path)
	lower := strings.ToLower(name)
	switch {
	case wanted[lower] == "":
		r.report(warn(key.path, "", unreadText(lower)), key.line)
	case name != lower:
		r.report(warn(key.path, "", fmt.Sprintf("containerd 2 reads this as %s, 1.6 and 1.7 only where it "+
			"is %s or %s: write %[1]s", lower, lower, strings.ToUpper(lower))).roughlyOld(), key.line)
	}
}

// oldHost reports what is wrong with a host that only 1.6 and 1.7 read.
func (r *reader) oldHost(url string, raw rawSettings) {
	host := Host{URL: url}
	var problems []problem
	host.Settings, problems = raw.settings()
	for _, p := range under([]string{"host", url}, append(problems, host.problems()...)) {
		switch p.versions {
		case newVersions:
			continue
		case everyVersion:
			p.versions = oldVersions
		}
		r.reportAll([]problem{p})
	}
}

// rawSettings is hostFileConfig of containerd's hosts.go.
type rawSettings struct {
	Capabilities []string       `toml:"capabilities"`
	CA           any            `toml:"ca"`
	Client       any            `toml:"client"`
	SkipVerify   *bool          `toml:"skip_verify"`
	Header       map[string]any `toml:"header"`
	OverridePath bool           `toml:"override_path"`
	DialTimeout  string         `toml:"dial_timeout"`
}

// wrong returns the problem of a setting whose value does not have the type that containerd wants.
func wrong(key ...string) problem {
	return refuse(key, "", "want "+wanted[key[0]]).ignoredBy(everyVersion)
}

// settings converts the values, and returns what a Settings cannot hold. The rest is checked there.
func (raw rawSettings) settings() (s Settings, problems []problem) {
	for _, c := range raw.Capabilities {
		s.Capabilities = append(s.Capabilities, Capability(strings.ToLower(c)))
	}
	var ok bool
	if s.CA, ok = stringOrList(raw.CA); !ok {
		problems = append(problems, wrong("ca"))
	}
	s.SkipVerify = raw.SkipVerify
	s.OverridePath = raw.OverridePath
	var refused []problem
	s.Client, refused = raw.client()
	problems = append(problems, refused...)
	for name, value := range raw.Header {
		values, ok := stringOrList(value)
		if !ok {
			problems = append(problems, wrong("header", name))
			continue
		}
		if s.Header == nil {
			s.Header = Header{}
		}
		s.Header[name] = Secrets(values...)
	}
	s.DialTimeout, refused = raw.dialTimeout()
	return s, append(problems, refused...)
}

// client converts a path, or a list of paths and of pairs of paths.
func (raw rawSettings) client() (pairs []KeyPair, problems []problem) {
	items, isList := raw.Client.([]any)
	if !isList && raw.Client != nil {
		items = []any{raw.Client}
	}
	for _, item := range items {
		_, isPair := item.([]any)
		names, ok := stringOrList(item)
		switch {
		case !ok || isPair && len(names) != 2:
			problems = append(problems, wrong("client"))
		case isPair:
			if names[1] == "" {
				problems = append(problems, pathProblems("client", "")...)
			}
			pairs = append(pairs, KeyPair{Cert: names[0], Key: names[1]})
		default:
			pairs = append(pairs, KeyPair{Cert: names[0]})
		}
	}
	return pairs, problems
}

func (raw rawSettings) dialTimeout() (time.Duration, []problem) {
	if raw.DialTimeout == "" {
		return 0, nil
	}
	at := []string{"dial_timeout"}
	timeout, err := time.ParseDuration(raw.DialTimeout)
	switch {
	case err != nil:
		return 0, []problem{refuse(at, raw.DialTimeout,
			`want a duration like "10s"; 1.6 and 1.7 do not read it`).ignoredBy(newVersions)}
	case timeout == 0:
		return 0, []problem{warn(at, raw.DialTimeout, "containerd 2 sets no limit of its own for "+
			"this, which is not kept here: left out, it is 30 seconds")}
	}
	return timeout, nil
}

// stringOrList converts a string or a list of strings.
func stringOrList(value any) (list []string, ok bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		for _, item := range value {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}

// topComment returns the text of the comment lines that the file begins with.
func topComment(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if comment, found := strings.CutPrefix(strings.TrimLeft(line, " \t"), "#"); found {
			lines = append(lines, strings.TrimPrefix(comment, " "))
		} else if len(lines) > 0 || strings.TrimLeft(line, " \t") != "" {
			break
		}
	}
	return strings.Join(lines, "\n")
}
