package tomltree_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/tomltree"
)

func parse(t *testing.T, text string) *tomltree.Document {
	t.Helper()
	document, err := tomltree.Parse([]byte(text), new(map[string]any))
	require.NoError(t, err)
	return document
}

// outline writes a tree as "line path = kind", a line for each key and each item.
func outline(document *tomltree.Document) string {
	var b strings.Builder
	var walk func(path string, v *tomltree.Value)
	walk = func(path string, v *tomltree.Value) {
		for _, e := range v.Entries {
			header := ""
			if e.Header {
				header = " (header)"
			}
			fmt.Fprintf(&b, "%d %s = %s%s\n", e.Line, path+e.Key, e.Value.Kind, header)
			walk(path+e.Key+".", e.Value)
		}
		for i, item := range v.Items {
			at := strings.TrimSuffix(path, ".") + "[" + strconv.Itoa(i) + "]"
			fmt.Fprintf(&b, "%d %s = %s\n", item.Line, at, item.Kind)
			walk(at+".", item)
		}
	}
	walk("", document.Root)
	return b.String()
}

func TestKeysAndValuesKnowTheirLinesAndKeepTheirOrder(t *testing.T) {
	require.Equal(t, `1 z = a string
2 a = a table
2 a.b = a boolean
3 list = an array
4 list[0] = a number
6 list[1] = a date or time
8 t = a table (header)
9 t.x = a table
9 t.x.y = a number
17 t.late = a table (header)
18 t.late.k = an array
11 r = an array (header)
11 r[0] = a table
12 r[0].p = a string
13 r[0].m = an array (header)
13 r[0].m[0] = a table
14 r[0].m[0].q = a string
15 r[1] = a table
16 r[1].p = a string
`, outline(parse(t, `z = 'one'
a.b = true
list = [
  1,

  1979-05-27,
]
[t]
x = { y = 1.5 }

[[r]]
p = "a"
[[r.m]]
q = '''b'''
[[r]]
p = "c"
[t.late]
k = []
`)))
}

func TestATableOfSeveralHeadersIsOneWithItsKeysWhereEachFirstOccurs(t *testing.T) {
	document := parse(t, "[a.b]\nx = 1\n[c]\n[a]\ny = 2\n")
	require.Equal(t, "1 a = a table (header)\n1 a.b = a table (header)\n2 a.b.x = a number\n5 a.y = a number\n3 c = a table (header)\n", outline(document))
}

func TestAHeaderKnowsHowItsNameIsWritten(t *testing.T) {
	document := parse(t, "\n[ host . \t\"m\\u002eio\" ]\n[['x']]\n")
	require.Equal(t, []tomltree.Header{
		{Line: 2, Name: []tomltree.NamePart{
			{Key: "host", Source: []byte("host")},
			{Key: "m.io", Source: []byte(`"m\u002eio"`), Before: []byte(" . \t")},
		}},
		{Line: 3, Array: true, Name: []tomltree.NamePart{{Key: "x", Source: []byte("'x'")}}},
	}, document.Headers)
	require.Equal(t, []string{"host", "m.io"}, document.Headers[0].Path())
}

func TestAValueKnowsHowItIsWritten(t *testing.T) {
	root := parse(t, `s = "a\tb"`+"\nd = 1979-05-27T07:32:00Z\nn = 0x1F\nc = { a = 1, # comment\n }\np = { a = 1 }\nb = true\n").Root
	require.Equal(t, "a\tb", root.Get("s").Text)
	require.Equal(t, `"a\tb"`, string(root.Get("s").Source))
	require.Equal(t, "1979-05-27T07:32:00Z", string(root.Get("d").Source))
	require.Equal(t, "0x1F", string(root.Get("n").Source))
	require.True(t, root.Get("c").TrailingComma)
	require.False(t, root.Get("p").TrailingComma)
	require.True(t, root.Get("b").Flag)
	require.Nil(t, root.Get("absent"))
}

func TestKeysAreFoundWhereTheyAreMany(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "[t.k%d]\nx = '%d'\n", i, i)
	}
	table := parse(t, b.String()).Root.Get("t")
	require.Len(t, table.Entries, 100)
	for i := range 100 {
		require.Equal(t, strconv.Itoa(i), table.Get("k"+strconv.Itoa(i)).Get("x").Text)
	}
	require.Nil(t, table.Get("k100"))
}

func TestAnErrorSaysWhereAndRepeatsNothingOfTheText(t *testing.T) {
	for name, test := range map[string]struct {
		in   string
		want tomltree.Error
	}{
		"not TOML":              {"a = 1\nb = geheim\n", tomltree.Error{Line: 2, Column: 5}},
		"a key twice":           {"geheim = 1\ngeheim = 2\n", tomltree.Error{Line: 2, Column: 1, Key: []string{"geheim"}}},
		"a value of other type": {"[t]\nx = 'geheim'\n", tomltree.Error{Line: 2, Column: 5, Key: []string{"t", "x"}, Mistyped: true}},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := tomltree.Parse([]byte(test.in), &struct{ T struct{ X bool } }{})
			require.Nil(t, document)
			var at *tomltree.Error
			require.ErrorAs(t, err, &at)
			require.Equal(t, test.want.Line, at.Line)
			require.Equal(t, test.want.Column, at.Column)
			require.Equal(t, test.want.Mistyped, at.Mistyped)
			if test.want.Mistyped {
				require.Equal(t, test.want.Key, at.Key)
			}
			require.NotEmpty(t, err.Error())
			require.NotContains(t, err.Error(), "geheim")
		})
	}
}

// decoded returns a tree as go-toml decodes it, with kinds in the place of numbers and dates.
func decoded(v *tomltree.Value) any {
	switch v.Kind {
	case tomltree.String:
		return v.Text
	case tomltree.Boolean:
		return v.Flag
	case tomltree.Array:
		items := []any{}
		for _, item := range v.Items {
			items = append(items, decoded(item))
		}
		return items
	case tomltree.Table:
		entries := map[string]any{}
		for _, e := range v.Entries {
			entries[e.Key] = decoded(e.Value)
		}
		return entries
	}
	return v.Kind
}

// withKinds puts kinds in the place of numbers and dates.
func withKinds(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = withKinds(v[key])
		}
	case []any:
		for i := range v {
			v[i] = withKinds(v[i])
		}
	case int64, float64:
		return tomltree.Number
	case string, bool:
	default:
		return tomltree.Date
	}
	return v
}

// A tree holds what go-toml decodes, and every key stands on the line that the tree says.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"z = 'one'\na.b = true\nlist = [\n1,\n1979-05-27,\n]\n[t]\nx = { y = 1.5 }\n[[r]]\n[[r.m]]\n[[r]]\n[t.late]\nk = []\n",
		"[host.\"https://m.io\"]\r\nca = ['a', [\"b\"]]\r\n[host.\"https://m.io\".header]\r\nX = '''\r\n'''\r\n",
		"[a.b]\nx = 1\n[c]\n[a]\ny = {z.q = 07:32:00, }\n",
		"\"\\u0061\" = 1\n'' = 2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into map[string]any
		document, err := tomltree.Parse(data, &into)
		if err != nil {
			require.Nil(t, document)
			return
		}
		if into == nil {
			into = map[string]any{}
		}
		require.Equal(t, withKinds(into), decoded(document.Root))
		lines := strings.SplitAfter(string(data), "\n")
		var walk func(v *tomltree.Value)
		walk = func(v *tomltree.Value) {
			for _, e := range v.Entries {
				line := lines[e.Line-1]
				require.True(t, strings.Contains(line, e.Key) || strings.Contains(line, `\`), "line %d, %q, has no key %q", e.Line, line, e.Key)
				require.LessOrEqual(t, e.Line, e.Value.Line)
				walk(e.Value)
			}
			for _, item := range v.Items {
				walk(item)
			}
		}
		walk(document.Root)
		for _, h := range document.Headers {
			require.NoError(t, toml.Unmarshal([]byte(strings.TrimRight(strings.TrimPrefix(lines[h.Line-1], "\xef\xbb\xbf"), "\r\n")), new(map[string]any)), "a header stands on its line")
		}
	})
}
