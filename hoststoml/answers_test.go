package hoststoml_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
)

// A part is a hosts.toml, in quotes where its name says so. It is answered with the findings, the file as it is written
// again, what is found in that, and with what other versions make of it.
func TestFilesAreReadOrRefusedInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/files.txtar", func(t *testing.T, name, text string) string {
		if strings.HasSuffix(name, "in quotes") {
			unquoted, err := strconv.Unquote(strings.TrimSpace(text))
			require.NoError(t, err)
			text = unquoted
		}
		file, findings := hoststoml.Parse("hosts.toml", []byte(text))
		var b strings.Builder
		b.WriteString(scenario.Text(findings))
		if file != nil {
			fmt.Fprintf(&b, "== written\n%s== found in it\n", file.Bytes())
			b.WriteString(scenario.Text(file.Validate()))
		}
		for _, v := range []string{"1.6", "1.7.31", "1.7", "2.0", "2.1", "2"} {
			version, err := hoststoml.ParseVersion(v)
			require.NoError(t, err)
			read, _, sure := version.Current("hosts.toml", []byte(text))
			fmt.Fprintf(&b, "%s reads %s, sure=%t\n", v, what(read), sure)
		}
		return b.String()
	})
}

// what tells what a version makes of a file.
func what(file *hoststoml.File) string {
	if file == nil {
		return "nothing"
	}
	one := func(name string, s hoststoml.Settings) string {
		text := strconv.Quote(name)
		for _, c := range s.Capabilities {
			text += "+" + string(c)
		}
		if s.SkipVerify != nil {
			text += fmt.Sprintf(" skip_verify=%t", *s.SkipVerify)
		}
		if s.OverridePath {
			text += " override_path"
		}
		if s.DialTimeout != 0 {
			text += " " + s.DialTimeout.String()
		}
		if len(s.CA)+len(s.Client) > 0 {
			text += fmt.Sprintf(" %q %q", s.CA, s.Client)
		}
		for _, h := range slices.Sorted(maps.Keys(s.Header)) {
			text += fmt.Sprintf(" %s=%d", h, len(s.Header[h]))
		}
		return text
	}
	var hosts []string
	for _, h := range file.Hosts {
		hosts = append(hosts, one(h.URL, h.Settings))
	}
	return one(file.Server, file.Settings) + " [" + strings.Join(hosts, ", ") + "]"
}
