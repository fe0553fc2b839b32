package registriesconf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/registriesconf"
)

// A part is a registries.conf. It is answered with the findings, the file as it is written again, what is found in that,
// and with what older clients make of the file, where that is something else.
func TestFilesAreReadOrRefusedInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/files.txtar", func(t *testing.T, name, text string) string {
		var b strings.Builder
		config, findings := registriesconf.Parse("registries.conf", []byte(text))
		b.WriteString(scenario.Text(findings))
		written := func(c *registriesconf.Config) string {
			if c == nil {
				return ""
			}
			return fmt.Sprintf("== written\n%s== found in it\n%s", c.Bytes(), scenario.Text(c.Validate()))
		}
		b.WriteString(written(config))
		older, olderFindings := registriesconf.ParseOlder("registries.conf", []byte(text))
		if said := scenario.Text(olderFindings) + written(older); said != b.String() {
			fmt.Fprintf(&b, "== to older clients\n%s", said)
		}
		return b.String()
	})
}
