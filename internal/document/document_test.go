package document

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// read describes the documents of a stream, a line each.
func read(r io.Reader, o Options) (lines []string) {
	for d := range Read(r, o) {
		var b strings.Builder
		fmt.Fprintf(&b, "#%d", d.Number)
		if d.PassedOver != "" {
			b.WriteString(" passed over " + d.PassedOver)
		}
		if d.Root != nil {
			b.WriteString(" " + outline(d.Root, 0))
		}
		if err := d.Err(); err != nil {
			fmt.Fprintf(&b, " line %d: %s", err.Line, err.Message)
		}
		lines = append(lines, b.String())
	}
	return lines
}

var kindNames = []string{"null", "map", "list", "text", "number", "boolean", "old-boolean", "time", "merge", "other"}

// outline writes a node as KIND:LINE:COLUMN, a scalar with its text, and what is below it in brackets.
func outline(n *Node, depth int) string {
	s := fmt.Sprintf("%s:%d:%d", kindNames[n.Kind], n.Line, n.Column)
	if n.IsScalar() {
		return s + "=" + n.Text
	}
	if depth > 5 {
		return s + "(…)"
	}
	var parts []string
	for i := range n.Fields() {
		f := &n.Fields()[i]
		parts = append(parts, outline(&f.Key, depth+1)+" "+outline(&f.Value, depth+1))
	}
	for _, item := range n.Items() {
		parts = append(parts, outline(item, depth+1))
	}
	return s + "(" + strings.Join(parts, ", ") + ")"
}

func TestEveryFormOfAStreamGivesItsDocuments(t *testing.T) {
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune("a: ä\n---\n- b\n")) {
		wide.WriteByte(byte(u))
		wide.WriteByte(byte(u >> 8))
	}
	for _, test := range []struct {
		name, input string
		want        []string
	}{
		{"YAML", "a: ä\n---\n- b\n", []string{"#1 map:1:1(text:1:1=a text:1:4=ä)", "#2 list:3:1(text:3:3=b)"}},
		{"UTF-16", wide.String(), []string{"#1 map:1:1(text:1:1=a text:1:4=ä)", "#2 list:3:1(text:3:3=b)"}},
		{"a byte-order mark and CRLF", "\ufeffa: b\r\n---\r\nc\r\n", []string{"#1 map:1:1(text:1:1=a text:1:4=b)", "#2 text:3:1=c"}},
		{"JSON values", "{\"a\": 1}\n [true,\n null]", []string{"#1 map:1:1(text:1:2=a number:1:7=1)", "#2 list:2:2(boolean:2:3=true, null:3:2=null)"}},
		{"JSON behind a separator", "---\n{\"a\": \"b\"}\n", []string{"#1 map:2:1(text:2:2=a text:2:7=b)"}},
		{"words behind a separator", "--- {\"a\": [],\n \"b\": {}}\n", []string{"#1 map:1:5(text:1:6=a list:1:11(), text:2:2=b map:2:7())"}},
		{"a YAML flow collection", "{a: b,\nc: 1}", []string{"#1 map:1:1(text:1:2=a text:1:5=b, text:2:1=c number:2:4=1)"}},
		{"empty documents do not count", "# hello\n---\n---\nnull\n---\na\n---\n", []string{"#1 text:6:1=a"}},
		{"an end marker", "a\n...\n---\nb\n", []string{"#1 text:1:1=a", "#2 text:4:1=b"}},
		{"a directive", "%YAML 1.1\n---\na\n", []string{"#1 text:3:1=a"}},
		{"separators in other text", "a: |\n  ---\nb: ---x\n", []string{"#1 map:1:1(text:1:1=a text:1:4=---\n, text:3:1=b text:3:4=---x)"}},
		{"scalars", "[1, 0x1, 1.5, true, yes, 'yes', !!str yes, 2026-01-02, ~, !!binary eA==, << ]", []string{
			"#1 list:1:1(number:1:2=1, number:1:5=0x1, number:1:10=1.5, boolean:1:15=true, old-boolean:1:21=yes, text:1:26=yes, text:1:33=yes, time:1:44=2026-01-02, null:1:56=~, other:1:59=eA==, merge:1:74=<<)"}},
		{"mistakes do not hide what follows", "a: [\n---\nb\n---\n{\"c\" 1}\n---\n\x00\n---\nd", []string{
			"#1 line 1: is not valid YAML: did not find expected node content", "#2 text:3:1=b", "#3 line 5: is not valid JSON: an unexpected character after object key",
			"#4 line 6: is not text: a manifest is YAML or JSON in UTF-8 (or UTF-16 with a byte-order mark)", "#5 text:9:1=d"}},
		{"a mistake behind an end marker", "a\n...\nb: ]\n", []string{"#1 text:1:1=a", "#2 line 3: is not valid YAML: did not find expected <document start>"}},
		{"nothing", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, read(strings.NewReader(test.input), Options{}))
			require.Equal(t, test.want, read(iotest.OneByteReader(strings.NewReader(test.input)), Options{}))
		})
	}
}

func TestAliasesStandForWhatTheyName(t *testing.T) {
	require.Equal(t, []string{"#1 map:1:1(text:1:1=a map:1:4(text:1:8=b text:1:11=c), text:2:1=d map:1:4(text:1:8=b text:1:11=c))"},
		read(strings.NewReader("a: &x {b: c}\nd: *x\n"), Options{}))
	self := read(strings.NewReader("&a [b, *a]"), Options{})
	require.Contains(t, self[0], "list:1:1(text:1:5=b, list:1:1(text:1:5=b, ", "walked as deep as the caller wants")
}

func TestAliasesDoNotExpandWithoutBound(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 [a]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i-1), 10), ","))
	}
	var walk func(n *Node) int
	walk = func(n *Node) (nodes int) {
		for i := range n.Fields() {
			nodes += walk(&n.Fields()[i].Value)
		}
		for _, item := range n.Items() {
			nodes += walk(item)
		}
		return nodes + 1
	}
	for d := range Read(strings.NewReader(b.String()), Options{}) {
		require.Nil(t, d.Err())
		require.Less(t, walk(d.Root), 12*maxAliased)
		require.Equal(t, &Error{2, "expands through aliases to more than 100000 values; write them out"}, d.Err())
	}
}

func TestADocumentOverTheLimitIsRefusedAndManyBelowItAreRead(t *testing.T) {
	small := Options{limit: 1 << 20}
	got := read(strings.NewReader("a\n---\nb\n---\n# "+strings.Repeat("x", 1<<20)), small)
	require.Equal(t, []string{"#1 text:1:1=a", "#2 text:3:1=b", `#3 line 4: cannot be read: a document of more than 1 MiB is not read; split it with "---" lines or into several files`}, got)

	got = read(strings.NewReader(strings.Repeat("---\n"+strings.Repeat("a: b # some words\n", 10), 8000)), Options{limit: 1 << 20, PassOver: func(string, []byte) bool { return true }})
	require.Len(t, got, 8000)
	require.True(t, strings.HasPrefix(got[7999], fmt.Sprintf("#8000 map:%d:1", 7999*11+2)), got[7999])

	got = read(strings.NewReader("\xff\xfea"+strings.Repeat("\x00x", 1<<20)), small)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "more than 1 MiB")
}

func TestAnErrorOfTheStreamEndsIt(t *testing.T) {
	r := io.MultiReader(strings.NewReader("a\n---\nb\n"), iotest.ErrReader(errors.New("the disk is gone")))
	require.Equal(t, []string{"#1 text:1:1=a", "#2 line 2: cannot be read: the disk is gone"}, read(r, Options{}))
}

func TestTheReaderMayStopAnywhere(t *testing.T) {
	for range Read(strings.NewReader("[a,\nb]\n---\nc\n"), Options{}) {
		break
	}
	for d := range Read(strings.NewReader(`[[1], [2]] {"a": 1}`), Options{}) {
		for _, item := range d.Root.Items() {
			require.Equal(t, List, item.Kind)
			break
		}
		break
	}
}

const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n"

var heads = []string{
	deployment, "---\n# Source: a.yaml\n\n" + deployment, strings.ReplaceAll(deployment, "\n", "\r\n"), "kind: Service\napiVersion: v1", "kind: A\napiVersion: v1\n# end",
	"kind: CronJobList\napiVersion: v1\nitems: []", "apiVersion: v1\nkind: List",
}

func TestAKindIsToldFromTheFirstLinesOrNotAtAll(t *testing.T) {
	all := Options{PassOver: func(kind string, _ []byte) bool { return kind != "Image" }}
	for _, s := range heads {
		got := read(strings.NewReader(s+"\nbroken: [\n---\na\n"), all)
		require.Len(t, got, 2)
		require.Contains(t, got[0], "#1 passed over ")
		require.Contains(t, got[1], "#2 text:")
	}
	require.Contains(t, read(strings.NewReader("apiVersion: v1\nkind: Image\n"), all)[0], "#1 map:")
	for _, s := range []string{
		"kind: Pod\n", "kind: null\napiVersion: v1\n",
		"apiVersion: v1\nkind: true\n", "apiVersion: v1\nkind: Pod\n  # more\n  words\n", "apiVersion: v1\nkind: Pod # a comment\n", "apiVersion: v1\nkind: &a Pod\n", "apiVersion: v1\nkind: Pod\n\n of: words\n",
		"--- {}\napiVersion: v1\nkind: Pod\n", "a: \"\napiVersion: v1\nkind: Pod\nb: \"\n", "# a\rkind: Job\napiVersion: v1\nkind: Pod\n", "# a\u2028kind: Job\napiVersion: v1\nkind: Pod\n",
		"apiVersion: v1\nkind: Pod\r---\rkind: Image\n", "apiVersion: v1\nkind: Pod\n...\nkind: Image\n", "%YAML 1.1\n---\napiVersion: v1\nkind: Pod\n",
	} {
		require.Empty(t, headKind([]byte(s)), s)
	}
}
