package main

import (
	"compress/gzip"
	"encoding/ascii85"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// between returns what stands between two texts, of which the first occurs once.
func between(t *testing.T, page, begin, end string) string {
	require.Equal(t, 1, strings.Count(page, begin), begin)
	_, rest, _ := strings.Cut(page, begin)
	text, _, found := strings.Cut(rest, end)
	require.True(t, found, end)
	return text
}

func TestThePageHoldsEverythingAndMayConnectToNothing(t *testing.T) {
	stories := []story{{"one", "about </script> one", map[string]string{"a.yaml": "a: '</script>'\n"}}}
	assembled, err := assemble([]byte("the engine"), []byte("// wasm_exec.js\n"), stories)
	require.NoError(t, err)
	page := string(assembled)

	policy := between(t, page, `http-equiv="Content-Security-Policy" content="`, `"`)
	require.Contains(t, policy, "default-src &#39;none&#39;")
	require.NotContains(t, policy, "connect-src")
	require.NotContains(t, policy, "unsafe-inline")
	policy = strings.ReplaceAll(policy, "&#39;", "'")
	require.Contains(t, policy, "script-src "+hash(between(t, page, "<script>", "</script>")))
	require.Contains(t, policy, "style-src "+hash(between(t, page, "<style>", "</style>")))

	require.NotRegexp(t, regexp.MustCompile(`(?i)\s(src|href)\s*=\s*"`), page, "every part stands in the page")
	require.NotContains(t, page, "{{", "every part is put in")

	var told []story
	require.NoError(t, json.Unmarshal([]byte(between(t, page, `id="stories">`, "</script>")), &told))
	require.Equal(t, stories, told)
	packed := ascii85.NewDecoder(strings.NewReader(strings.ReplaceAll(between(t, page, `id="engine">`, "</script>"), "v", "<")))
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	engine, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, "the engine", string(engine))
	require.Contains(t, between(t, page, `id="worker">`, "</script>"), "// wasm_exec.js")
}

func TestEveryScenarioWithManifestsIsAStory(t *testing.T) {
	stories, err := readStories("../../testdata")
	require.NoError(t, err)
	require.Greater(t, len(stories), 40)
	for _, s := range stories {
		require.NotEmpty(t, s.Files, s.Name)
		require.NotEmpty(t, s.About, s.Name)
	}
}
