package document

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// headPattern says how nearly every manifest begins, as one pattern.
var headPattern = regexp.MustCompile(`^(?:---[ \t]*\r?\n)?(?:[ \t]*(?:#[^\n]*|\r)?\n)*` +
	`(?:apiVersion: [A-Za-z][A-Za-z0-9./-]*\r?\nkind: ([A-Za-z]+)|kind: ([A-Za-z]+)\r?\napiVersion: [A-Za-z][A-Za-z0-9./-]*)` +
	`\r?(?:\n(?:[A-Za-z#]|$)|$)`)

func TestTheHeadOfAManifestIsThatOfThePattern(t *testing.T) {
	rnd := rand.New(rand.NewPCG(14, 6))
	parts := []string{"---", "\n", "\n", "\n", "\r\n", " ", "\t", "# a", "apiVersion: v1", "apiVersion: a.io/v1-b", "kind: Pod", "kind: Pod2", "apiVersion:", "apiVersion: 1", "kind: ", "metadata:", "\r", "- a"}
	heads := 0
	for range 200_000 {
		var b strings.Builder
		for range rnd.IntN(9) {
			b.WriteString(parts[rnd.IntN(len(parts))])
		}
		want := ""
		if m := headPattern.FindStringSubmatch(b.String()); m != nil {
			want = m[1] + m[2]
			heads++
		}
		require.Equal(t, want, head([]byte(b.String())), "%q", b.String())
	}
	require.Greater(t, heads, 100)
}

const values = `# values of a chart
replicaCount: 3
image:
  repository: quay.io/team/app
  tag: "v1.2.3"
  pullPolicy: 'Always'

args:
- verbose
- a: b
  c:
  - d
  - - e
    - f
`

// simpleValues are texts of which isSimple is to be sure.
var simpleValues = []string{
	"", "\n# nothing\n", "---\na: b\n", values,
	"a: |\n  text: [\n\n   more\n  # no comment\n# a comment\nb: >-\n  x\nc: {}\nd: []\n", "a:\n  b:\n  c: |\nd:\n", "time: 12:30:00\nurl: http://a.io/b,c\n",
}

func TestSimpleYAMLNeedsNoParser(t *testing.T) {
	for _, text := range simpleValues {
		require.True(t, isSimple([]byte(text)), text)
	}
	for _, text := range []string{
		values + "- g\n-h: i\n", "a: b: c", "a: b\n c: d", "a: b\n  c", "- a\n", "a:\n- b\nc\n", "a: *b\n", "a: \"b\\x\"\n", "a: 'it''s'\n", "kind: Pod\n", "apiVersion: v1\n", "a:\n  b\n",
		"a: |\n    b\n  c\n", "a: |\n   \n  b\n", "a: {b: c}\n", "a: [\n", "a:\tb\n", "a: b\r\nc: d\r\n", "a:\n    b: c\n  d: e\n", "a: ä\n", "--- a\n", "...\n", "a: b # c\n", "a: @b\n", "a: %b\n", "a: - b\n", "? a\n",
	} {
		require.False(t, isSimple([]byte(text)), text)
	}
}

// requireSimple holds what isSimple says to what the parser does.
func requireSimple(t *testing.T, text []byte) bool {
	t.Helper()
	if !isSimple(text) {
		return false
	}
	for doc := range Read(strings.NewReader(string(text)), Options{}) {
		require.NoError(t, errorOf(doc), "%q", text)
		require.Equal(t, Mapping, doc.Root.Kind, "%q", text)
		require.Equal(t, 1, doc.Number, "%q", text)
		for _, f := range doc.Root.Fields() {
			require.NotContains(t, []string{"kind", "apiVersion"}, f.Key.Text, "%q", text)
		}
	}
	return true
}

func errorOf(doc *Document) error {
	if doc.Err() != nil {
		return doc.Err()
	}
	return nil
}

func TestRandomSimpleYAMLIsValid(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 14))
	words := []string{"a", "b-c", "1", "kind", "true", "null", "~", "a b", "'x'", "\"y\"", "{}", "[]", "|", ">-", "a:b", "-", "#", "", "12:30", "<<", "=", "."}
	simple := 0
	for range 200_000 {
		var b strings.Builder
		for range rnd.IntN(7) {
			b.WriteString(strings.Repeat(" ", rnd.IntN(3)*rnd.IntN(3)))
			b.WriteString(strings.Repeat("- ", rnd.IntN(3)*rnd.IntN(2)))
			if rnd.IntN(4) > 0 {
				fmt.Fprintf(&b, "%s:", words[rnd.IntN(6)])
				if rnd.IntN(2) == 0 {
					b.WriteString(" ")
				}
			}
			if rnd.IntN(3) > 0 {
				b.WriteString(words[rnd.IntN(len(words))])
			}
			b.WriteString("\n")
		}
		if requireSimple(t, []byte(b.String())) && b.Len() > 10 {
			simple++
		}
	}
	require.Greater(t, simple, 2000)
}

func TestATextIsPassedOverWhereEachOfItsDocumentsIs(t *testing.T) {
	var asked []string
	o := Options{PassOver: func(kind string, text []byte) bool {
		asked = append(asked, kind)
		return kind != "Image"
	}}
	const pod, image = "apiVersion: v1\nkind: Pod\nspec: [\n", "apiVersion: v1\nkind: Image\n"
	require.True(t, PassedOver([]byte("# a\n---\n"+pod+"--- \n"+pod+"---\n---\na: b\n"), o))
	require.Equal(t, []string{"", "Pod", "Pod", "", ""}, asked)
	for _, text := range []string{
		pod + "---\n" + image, pod + "---\na: [\n", "%YAML 1.2\n---\n" + pod, pod + "...\n" + image, "\ufeff" + pod, pod + "\x00", pod + "\xff", "\xff\xfea\x00", `{"kind": "Pod"}`,
		pod + "--- {kind: Image}\n",
	} {
		require.False(t, PassedOver([]byte(text), o), "%q", text)
	}
	require.False(t, PassedOver([]byte(pod), Options{}))
}

// FuzzSimple holds what is taken for valid YAML without parsing it to what the parser says of it.
func FuzzSimple(f *testing.F) {
	for _, text := range simpleValues {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.Contains(string(text), "\n---") {
			return // isSimple is asked of one chunk
		}
		requireSimple(t, text)
	})
}

func TestWordsAtOnceFindWhatBytesByThemselvesFind(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 3))
	const signs = "aaaaaaaa~  \n\n\t\r\x0b\x09\x00\x1f\x7f\x80\xff"
	for range 20_000 {
		text := make([]byte, r.IntN(40))
		for i := range text {
			text[i] = signs[r.IntN(len(signs))]
		}
		if r.IntN(2) == 0 {
			text = bytes.Map(func(c rune) rune { return max(' ', min(c, '~')) }, text)
		}
		ascii, printable := true, true
		for _, c := range text {
			ascii, printable = ascii && c < 0x80, printable && c >= ' ' && c <= '~'
		}
		require.Equal(t, ascii, isASCII(text), "%q", text)
		require.Equal(t, printable, isPrintable(text), "%q", text)
		for from := range text {
			want := len(text)
			for i := from; i+1 < len(text); i++ {
				if text[i] == '\n' && text[i+1] != ' ' {
					want = i + 1
					break
				}
			}
			require.Equal(t, want, nextOutermost(text, from), "%q from %d", text, from)
		}
	}
}
