package hoststoml_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

const mirror = "server = \"https://s.io\"\n[host.\"https://m.io\"]\n"

func TestParseReadsWhatContainerdReads(t *testing.T) {
	yes, no := true, false
	host := func(url string, s hoststoml.Settings) []hoststoml.Host {
		return []hoststoml.Host{{URL: url, Settings: s}}
	}
	m := func(s hoststoml.Settings) *hoststoml.File {
		return &hoststoml.File{Server: "https://s.io", Hosts: host("https://m.io", s)}
	}
	for name, test := range map[string]struct {
		in   string
		want *hoststoml.File
	}{
		"a server and a host": {mirror, m(hoststoml.Settings{})},
		"hosts keep the order of the file": {
			"server = 's.io'\n[host.z]\n[host.a]\n[host.m]\n",
			&hoststoml.File{Server: "s.io", Hosts: []hoststoml.Host{{URL: "z"}, {URL: "a"}, {URL: "m"}}},
		},
		"settings at the top, before and after the hosts": {
			"server = 's.io'\nskip_verify = false\n[host.z]\n[header]\nX = 'y'\n",
			&hoststoml.File{Server: "s.io", Settings: hoststoml.Settings{SkipVerify: &no, Header: hoststoml.Header{"X": hoststoml.Secrets("y")}}, Hosts: host("z", hoststoml.Settings{})},
		},
		"the comment at the top": {
			"\n# one\n#\n  #  two \nserver = 's.io' # three\n[host.z]\n",
			&hoststoml.File{Comment: "one\n\n two ", Server: "s.io", Hosts: host("z", hoststoml.Settings{})},
		},
		"CRLF line ends": {
			"# one\r\n# two\r\nserver = 's.io'\r\n[host.z]\r\nskip_verify = true\r\n",
			&hoststoml.File{Comment: "one\ntwo", Server: "s.io", Hosts: host("z", hoststoml.Settings{SkipVerify: &yes})},
		},
		"capabilities in any letter case":    {mirror + "capabilities = ['PULL', 'Resolve']", m(hoststoml.Settings{Capabilities: []hoststoml.Capability{"pull", "resolve"}})},
		"an empty list of capabilities":      {mirror + "capabilities = []", m(hoststoml.Settings{})},
		"ca as a string":                     {mirror + "ca = 'a.pem'", m(hoststoml.Settings{CA: []string{"a.pem"}})},
		"ca as a list":                       {mirror + "ca = ['a.pem', '/b.pem']", m(hoststoml.Settings{CA: []string{"a.pem", "/b.pem"}})},
		"client as a string":                 {mirror + "client = 'a.pem'", m(hoststoml.Settings{Client: []hoststoml.KeyPair{{Cert: "a.pem"}}})},
		"client as a list":                   {mirror + "client = ['a', 'b']", m(hoststoml.Settings{Client: []hoststoml.KeyPair{{Cert: "a"}, {Cert: "b"}}})},
		"client as pairs":                    {mirror + "client = [['a', 'b'], ['c', 'd']]", m(hoststoml.Settings{Client: []hoststoml.KeyPair{{Cert: "a", Key: "b"}, {Cert: "c", Key: "d"}}})},
		"client mixed":                       {mirror + "client = ['a', ['b', 'c']]", m(hoststoml.Settings{Client: []hoststoml.KeyPair{{Cert: "a"}, {Cert: "b", Key: "c"}}})},
		"header values, one and many":        {mirror + "[host.'https://m.io'.header]\nA = '1'\nB = ['2', '3']", m(hoststoml.Settings{Header: hoststoml.Header{"A": hoststoml.Secrets("1"), "B": hoststoml.Secrets("2", "3")}})},
		"a header written inline":            {mirror + "header = {A = '1'}", m(hoststoml.Settings{Header: hoststoml.Header{"A": hoststoml.Secrets("1")}})},
		"an empty duration is an absent one": {mirror + "dial_timeout = ''", m(hoststoml.Settings{})},
		"override_path":                      {mirror + "override_path = true", m(hoststoml.Settings{OverridePath: true})},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := hoststoml.Parse("hosts.toml", []byte(test.in))
			// Those of a platform say where requests go, not how the file is read.
			findings = slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Platform != "" })
			require.Empty(t, findings)
			require.Equal(t, test.want, got)
		})
	}
}

// Every line was seen to have this effect on containerd 1.6.20, 1.7.35 and 2.4.2.
func TestParseReports(t *testing.T) {
	const (
		every = "by containerd 1.6, 1.7 and 2:"
		old   = "by containerd 1.6 and 1.7:"
		two   = "by containerd 2"
	)
	for name, test := range map[string]struct {
		in       string
		severity finding.Severity
		field    string
		line     int
		message  string
		unread   bool // no File
	}{
		"malformed TOML, with the line":           {"server = 's.io'\nca = x\n", "error", "", 2, "unexpected character at start of value (at character 6 of the line); the whole file is ignored " + two, true},
		"a table that stands twice":               {mirror + "[host.'https://m.io']", "error", `host."https://m.io"`, 3, "already exists", true},
		"a key that stands twice":                 {"server = 'a'\nserver = 'b'\n[host.z]", "error", "server", 2, "already defined", true},
		"a bare carriage return":                  {"# a\rb\n" + mirror, "error", "", 1, two, true},
		"text in UTF-16":                          {"\xff\xfes\x00", "error", "", 1, "UTF-16", true},
		"a byte-order mark":                       {"\ufeff" + mirror, "error", "", 1, "byte-order mark, which 1.6 and 1.7 skip; save it without; the whole file is ignored " + two, false},
		"capabilities that are no list":           {mirror + "capabilities = 'pull'", "error", `host."https://m.io".capabilities`, 3, "want a list of strings; the whole file is ignored " + every, true},
		"a host that is no table":                 {"[host]\nz = 1", "error", `host."z"`, 2, "hosts are tables", true},
		"a host that is an array of tables":       {"[[host.z]]", "error", `host."z"`, 1, every, true},
		"a duration that is a number":             {mirror + "dial_timeout = 5", "error", `host."https://m.io".dial_timeout`, 3, two, true},
		"a malformed duration":                    {mirror + "dial_timeout = '5'", "error", `host."https://m.io".dial_timeout`, 3, two, false},
		"an unknown capability":                   {mirror + "\ncapabilities = ['pul']", "error", `host."https://m.io".capabilities`, 4, every, false},
		"an unknown capability of the server":     {"capabilities = ['pul']\n" + mirror, "error", "capabilities", 1, every, false},
		"ca that is neither a path nor a list":    {mirror + "ca = 1", "error", `host."https://m.io".ca`, 3, every, false},
		"ca with something else in the list":      {mirror + "ca = ['a', 1]", "error", `host."https://m.io".ca`, 3, every, false},
		"ca that is empty":                        {mirror + "ca = ''", "error", `host."https://m.io".ca`, 3, "every pull from the registry fails", false},
		"a client pair of three":                  {mirror + "client = [['a', 'b', 'c']]", "error", `host."https://m.io".client`, 3, every, false},
		"a client pair without a key":             {mirror + "client = [['a', '']]", "error", `host."https://m.io".client`, 3, "every pull from the registry fails", false},
		"a client that is a table":                {mirror + "client = {a = 'b'}", "error", `host."https://m.io".client`, 3, every, false},
		"a header value that is a number":         {mirror + "header = {X = 1}", "error", `host."https://m.io".header.X`, 3, every, false},
		"a header name with a dot, not quoted":    {mirror + "header.X.Y = '1'", "error", `host."https://m.io".header.X`, 3, every, false},
		"a header name that HTTP refuses":         {mirror + "header = {'a b' = '1'}", "error", `host."https://m.io".header."a [redacted]"`, 3, "cannot send a request", false},
		"a line break in a header value":          {mirror + `header = {A = "1\n"}`, "error", `host."https://m.io".header.A`, 3, "line break", false},
		"a URL that is none":                      {"server = 's.io'\n[host.'https://a b']", "error", `host."https://a [redacted]"`, 2, every, false},
		"a server that is no URL":                 {"server = 'a b'\n[host.z]", "error", "server", 1, every, false},
		"a name that begins with http":            {"server = 'httpbin.org'\n[host.z]", "error", "server", 1, "contacts the original registry instead", false},
		"a host name that begins with http":       {"server = 's.io'\n[host.'httpbin.org']", "error", `host."httpbin.org"`, 2, "no request to this host", false},
		"a scheme in capitals":                    {"server = 's.io'\n[host.'HTTPS://m.io']", "error", `host."HTTPS://m.io"`, 2, `asks the host "HTTPS:"`, false},
		"a host without a name":                   {mirror + "[host.'']", "error", `host.""`, 3, "empty", false},
		"an IPv6 address":                         {"server = 's.io'\n[host.'http://[::1]:5000']", "error", `host."http://[::1]:5000"`, 2, old, false},
		"an escape in a table's name":             {"server = 's.io'\n[host.\"m\\u002eio\"]", "error", `host."m.io"`, 2, "do not undo escapes", false},
		"a bracket in any table's name":           {mirror + "[foo.'a]']", "error", `foo."a]"`, 3, old, false},
		"an escape of TOML 1.1":                   {mirror + `ca = "\x41"`, "error", `host."https://m.io".ca`, 3, old, false},
		"a comma at the end of an inline table":   {mirror + "header = {A = '1', # c\n}", "error", `host."https://m.io".header`, 3, old, false},
		"a date":                                  {mirror + "foo = 1979-05-27", "error", `host."https://m.io".foo`, 3, old, false},
		"a quote before the end of a long string": {mirror + `ca = """a""""`, "error", `host."https://m.io".ca`, 3, old, false},
		"an empty file":                           {"", "warning", "", 1, "as if it were absent", false},
		"no server":                               {"[host.z]", "warning", "server", 0, "contacts the original registry", false},
		"capabilities without a server":           {"capabilities = ['push']\n[host.z]", "warning", "capabilities", 1, "not read without server", false},
		"no host table":                           {"server = 's.io'", "warning", "host", 0, "by containerd 1.6, and 1.7 before 1.7.32", false},
		"the capability referrers":                {mirror + "capabilities = ['referrers']", "warning", `host."https://m.io".capabilities`, 3, "by containerd 1.6, 1.7, 2.0 and 2.1", false},
		"dial_timeout":                            {mirror + "dial_timeout = '5s'", "info", `host."https://m.io".dial_timeout`, 3, "read by containerd 2 only", false},
		"a negative dial_timeout":                 {mirror + "dial_timeout = '-5s'", "error", `host."https://m.io".dial_timeout`, 3, "times out at once", false},
		"no limit for dialling":                   {mirror + "dial_timeout = '0s'", "warning", `host."https://m.io".dial_timeout`, 3, "not kept", false},
		"an unknown key":                          {"foo = 1\n" + mirror, "warning", "foo", 1, "no version", false},
		"an unknown table":                        {mirror + "[foo.bar]\nx = 1", "warning", "foo", 3, "no version", false},
		"an unknown key of a host":                {mirror + "foo = 1", "warning", `host."https://m.io".foo`, 3, "no version", false},
		"a server in a host's table":              {mirror + "server = 'x'", "warning", `host."https://m.io".server`, 3, "move it to the top", false},
		"a host that is not quoted":               {mirror + "[host.m.io]", "warning", `host."m".io`, 3, "quote the name", false},
		"a key in capitals":                       {mirror + "Ca = 'x'", "warning", `host."https://m.io".Ca`, 3, "only where it is ca or CA", false},
		"a host table in capitals":                {mirror + "[Host.z]", "warning", "Host", 3, "write host", false},
		"a host written inline":                   {"server = 's.io'\nhost = {'m.io' = {skip_verify = true}}", "warning", `host."m.io"`, 2, "containerd 2 does not ask this host", false},
		"a host with dotted keys":                 {"server = 's.io'\nhost.'m.io'.skip_verify = true", "warning", `host."m.io"`, 2, "containerd 2 does not ask this host", false},
		"a host of old versions that they refuse": {"server = 's.io'\nhost.'m.io'.capabilities = ['x']", "error", `host."m.io".capabilities`, 2, old, false},
		"a sub-table that stands apart":           {mirror + "[host.z]\n[host.'https://m.io'.header]\nA = '1'", "warning", `host."https://m.io"`, 4, "asks the host here once more", false},
		"user information in a URL":               {"server = 'u:secret@s.io'\n[host.z]", "warning", "server", 1, "user information", false},
		"a query in a URL":                        {"server = 's.io?secret'\n[host.z]", "warning", "server", 1, "query", false},
		"a URL with a password that is none":      {"server = 'https://u:secret^[@s.io'\n[host.z]", "error", "server", 1, "not a URL", false},
		"a secret in a line that does not parse":  {mirror + "[host.'https://m.io'.header]\nA = \"secret\n", "error", "", 4, "new lines", true},
		"a secret alone in a line":                {mirror + "header.A = [\n'secret==' 'secret==']", "error", "", 4, "", true},
		"a password in a name that stands twice":  {"[host.'https://u:secret@x']\n[host.'https://u:secret@x']", "error", `host."https://[redacted]@[redacted]"`, 2, "already exists", true},
	} {
		t.Run(name, func(t *testing.T) {
			f, findings := hoststoml.Parse("hosts.toml", []byte(test.in))
			require.Equal(t, test.unread, f == nil)
			found := false
			for _, got := range findings {
				require.NotContains(t, got.String(), "secret")
				require.Equal(t, "hosts.toml", got.Origin.File)
				require.Equal(t, got.Severity == finding.SeverityError, got.RefusedBy == finding.Client)
				found = found || got.Severity == test.severity && got.Origin.Field == test.field &&
					got.Origin.Line == test.line && strings.Contains(got.Message, test.message)
			}
			require.True(t, found, "%v", findings)
			if test.severity == "error" {
				require.Error(t, findings.Err())
			}
		})
	}
}

func TestAHostWhoseSubTableStandsApartIsAskedTwice(t *testing.T) {
	f, _ := hoststoml.Parse("", []byte("[host.a]\n[host.b]\n[host.a.header]\nX = '1'\n"))
	a := hoststoml.Host{URL: "a", Settings: hoststoml.Settings{Header: hoststoml.Header{"X": hoststoml.Secrets("1")}}}
	require.Equal(t, []hoststoml.Host{a, {URL: "b"}, a}, f.Hosts)
	require.Error(t, f.Validate().Err())
}

func TestASubTableBeforeItsHostChangesNothing(t *testing.T) {
	f, findings := hoststoml.Parse("", []byte("server = 'https://s'\n[host.'https://a'.header]\nX = '1'\n[host.'https://a']\n"))
	require.Empty(t, findings)
	require.Len(t, f.Hosts, 1)
}

func TestParseKeepsWhatItCanOfARefusedFile(t *testing.T) {
	f, findings := hoststoml.Parse("", []byte(mirror+"ca = 1\ncapabilities = ['x', 'pull']\ndial_timeout = '1s'"))
	require.Error(t, findings.Err())
	require.Equal(t, hoststoml.Settings{Capabilities: []hoststoml.Capability{"x", "pull"}, DialTimeout: time.Second}, f.Hosts[0].Settings)
}
