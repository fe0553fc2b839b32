package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
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
	unpacked, err := gzip.NewReader(bytes.NewReader(unpack(t, between(t, page, `id="engine">`, "</script>"))))
	require.NoError(t, err)
	engine, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, "the engine", string(engine))
	require.Contains(t, between(t, page, `id="worker">`, "</script>"), "// wasm_exec.js")
}

// unpack reads characters of seven bits, bit by bit.
func unpack(t *testing.T, text string) []byte {
	var bits strings.Builder
	for _, c := range text {
		switch c {
		case 'À':
			c = 0
		case 'Á':
			c = '\r'
		case 'Â':
			c = '<'
		}
		require.Less(t, c, rune(0x80))
		fmt.Fprintf(&bits, "%07b", c)
	}
	var data []byte
	for rest := bits.String(); len(rest) >= 8; rest = rest[8:] {
		b, err := strconv.ParseUint(rest[:8], 2, 8)
		require.NoError(t, err)
		data = append(data, byte(b))
	}
	return data
}

func TestWhatIsPackedHoldsNothingThatHTMLChanges(t *testing.T) {
	random := make([]byte, 100_000) // which gzip cannot shorten
	_, err := rand.NewChaCha8([32]byte{1}).Read(random)
	require.NoError(t, err)
	packed, err := pack(random)
	require.NoError(t, err)
	require.False(t, strings.ContainsAny(packed, "\x00\r<"))
	require.Less(t, len(packed), len(random)*12/10)
	unpacked, err := gzip.NewReader(bytes.NewReader(unpack(t, packed)))
	require.NoError(t, err)
	data, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, random, data)
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
