package registriesconf

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Parse reads a registries.conf or a drop-in of it. The name is only used in the findings.
//
// The findings hold everything that the client's loader would refuse the file for, with the code
// invalid-file, and as warnings, with the code ignored-setting, what it reads without effect: unknown
// keys, registries whose prefix an earlier one has, and the like. They name fields by their path in the
// file, counted from 0: registry[2].mirror[0].location.
//
// The Config is nil where the file cannot be decoded: TOML that is malformed, a setting of the wrong
// type or spelled twice in different letter case, or a file of version 1. Otherwise it holds what the
// client ends up with, trailing slashes gone. Use it only if the findings' Err is nil: a refused file
// leaves the client with no configuration, not with the rest of it.
//
// Two files are refused that the client would load, both because of what it would make of them: one
// that spells a setting in two ways, of which the client takes either at random, and one that
// extends a table in a way that TOML forbids, of which the client may drop a part: a dotted key or
// a header for a table that was written inline, or a header for one that dotted keys made.
func Parse(name string, data []byte) (*Config, finding.Findings) {
	return parse(decoder{file: name}, data)
}

// ParseOlder is Parse for containers-image up to 5.38, which CRI-O has: where the file is one of
// version 1 of the format, it is read as the registries of version 2 that it stands for, and a
// warning says that newer clients refuse it. Only the main file may be of version 1, no drop-in
// (loadConfigFile, ConvertToV2).
func ParseOlder(name string, data []byte) (*Config, finding.Findings) {
	return parse(decoder{file: name, older: true}, data)
}

func parse(d decoder, data []byte) (*Config, finding.Findings) {
	d.lines, d.undecoded = map[string]int{}, map[string]bool{}
	document, err := tomltree.Parse(withoutMark(data), new(map[string]any))
	if err != nil {
		d.malformed(err)
		return nil, d.findings
	}
	c := d.config(document.Root)
	for _, p := range c.problems() {
		// What could not be decoded is told already; that it is then missing is not worth telling.
		if !d.isUndecoded(p.field) {
			d.findings = append(d.findings, p.finding(d.origin(p.field)))
		}
	}
	if len(d.undecoded) > 0 {
		return nil, d.findings.Sort()
	}
	return c.normalized(), d.findings.Sort()
}

// withoutMark drops a byte-order mark, as the client does.
func withoutMark(data []byte) []byte {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if rest, found := bytes.CutPrefix(data, []byte(mark)); found {
			return rest
		}
	}
	return data
}

// malformed reports why the file was not decoded.
func (d *decoder) malformed(err error) {
	message := err.Error()
	var at *tomltree.Error
	if errors.As(err, &at) {
		d.lines[""] = at.Line
		message += fmt.Sprintf(" (at character %d of the line)", at.Column)
	}
	d.refuse("", "", "not valid TOML: "+message+pullsNothing+"correct the line")
}

// A decoder fills a Config from a document the way the client's decoder does, but goes on after an
// error.
type decoder struct {
	file      string
	findings  finding.Findings
	lines     map[string]int  // by field
	undecoded map[string]bool // fields that have no value because of an error
	older     bool            // version 1 is read
	lists     []version1List  // of version 1
}

// A setter stores the value of the field at a path.
type setter func(field string, v *tomltree.Value)

func (d *decoder) config(root *tomltree.Value) *Config {
	c := &Config{}
	d.table("", root, "the file", map[string]setter{
		"unqualified-search-registries":      d.texts(&c.UnqualifiedSearchRegistries),
		"credential-helpers":                 d.texts(&c.CredentialHelpers),
		"short-name-mode":                    d.text(&c.ShortNameMode),
		"additional-layer-store-auth-helper": d.text(&c.AdditionalLayerStoreAuthHelper),
		"aliases":                            d.aliases(&c.Aliases),
		"registries":                         d.version1,
		"registry": func(field string, v *tomltree.Value) {
			c.Registries = []Registry{}
			d.tables(field, v, func(field string, t *tomltree.Value) {
				c.Registries = append(c.Registries, d.registry(field, t))
			})
		},
	})
	d.convert(c)
	return c
}

func (d *decoder) registry(field string, t *tomltree.Value) Registry {
	var r Registry
	var pullFromMirror string
	d.table(field, t, "[[registry]]", map[string]setter{
		"prefix":                d.text(&r.Prefix),
		"location":              d.text(&r.Location),
		"insecure":              d.flag(&r.Insecure),
		"blocked":               d.flag(&r.Blocked),
		"mirror-by-digest-only": d.flag(&r.MirrorByDigestOnly),
		"namespace-proxy":       d.text(&r.NamespaceProxy),
		// The client's type for a registry has the key because its type for a mirror does.
		"pull-from-mirror": d.text(&pullFromMirror),
		"mirror": func(field string, v *tomltree.Value) {
			d.tables(field, v, func(field string, t *tomltree.Value) {
				r.Mirrors = append(r.Mirrors, d.mirror(field, t))
			})
		},
	})
	if pullFromMirror != "" {
		d.refuse(field+".pull-from-mirror", pullFromMirror,
			"is set on a registry, and is for mirrors only"+pullsNothing+"move it to the registry's mirrors")
	}
	return r
}

func (d *decoder) mirror(field string, t *tomltree.Value) Mirror {
	var m Mirror
	d.table(field, t, "[[registry.mirror]]", map[string]setter{
		"location":         d.text(&m.Location),
		"insecure":         d.flag(&m.Insecure),
		"pull-from-mirror": d.text((*string)(&m.PullFromMirror)),
		"namespace-proxy":  d.text(&m.NamespaceProxy),
	})
	return m
}

// version1 looks at the [registries] table of version 1. The client refuses the file as soon as one of
// its three lists is present, be it empty, and ignores the table otherwise.
func (d *decoder) version1(field string, v *tomltree.Value) {
	if v.Kind != tomltree.Table {
		d.mistyped(field, v, tomltree.Table, "write the registries of version 2 as [[registry]]")
		return
	}
	told := len(d.findings)
	for _, e := range v.Entries {
		if !foldsTo(e.Key, "search", "insecure", "block") {
			continue
		}
		table := field + "." + strings.ToLower(e.Key)
		d.lines[table] = e.Line
		if e.Value.Kind != tomltree.Table {
			d.mistyped(table, e.Value, tomltree.Table, "write the file in version 2")
		}
		for _, list := range e.Value.Entries {
			if !foldsTo(list.Key, "registries") {
				continue
			}
			if !d.older {
				d.without(field)
				continue
			}
			l := version1List{field: table + ".registries"}
			if slices.ContainsFunc(d.lists, func(other version1List) bool { return other.field == l.field }) {
				d.without(l.field)
				d.refuse(l.field, list.Key, "is set twice, in different letter case; the client uses one "+
					"of them at random: keep one")
			}
			d.lines[l.field] = list.Line
			d.texts(&l.names)(l.field, list.Value)
			d.lists = append(d.lists, l)
		}
	}
	switch {
	case d.undecoded[field]:
		d.refuse(field, "", "is a table of version 1 of the format, which is no longer read"+pullsNothing+
			"write the file in version 2, with unqualified-search-registries and [[registry]]")
	case len(d.findings) == told && len(d.lists) == 0:
		d.ignore(field, "is a table of version 1 of the format; without a list in it the client ignores it: remove it")
	}
}

// version1List is a list of version 1, at its field.
type version1List struct {
	field string
	names []string
}

// convert makes registries of the lists of version 1, as the client does (ConvertToV2): those that are
// blocked first, and one that is in both lists once.
func (d *decoder) convert(c *Config) {
	if len(d.lists) == 0 || len(d.undecoded) > 0 {
		return
	}
	if !reflect.DeepEqual(*c, Config{}) {
		d.without("registries")
		d.refuse("registries", "", "is a table of version 1 of the format beside settings of version 2, "+
			"which no client reads together"+pullsNothing+"write all of the file in version 2")
		return
	}
	places := map[string]int{}
	registry := func(l version1List, i int) *Registry {
		location := strings.TrimRight(l.names[i], "/")
		place, there := places[location]
		if !there {
			place = len(c.Registries)
			places[location] = place
			c.Registries = append(c.Registries, Registry{Prefix: location, Location: location})
			d.lines[fmt.Sprintf("registry[%d]", place)] = d.lines[fmt.Sprintf("%s[%d]", l.field, i)]
		}
		return &c.Registries[place]
	}
	for _, kind := range []string{"search", "block", "insecure"} {
		for _, l := range d.lists {
			if l.field != "registries."+kind+".registries" {
				continue
			}
			if kind == "search" {
				c.UnqualifiedSearchRegistries = l.names
				continue
			}
			for i := range l.names {
				if kind == "block" {
					registry(l, i).Blocked = true
				} else {
					registry(l, i).Insecure = true
				}
			}
		}
	}
	f := problem{field: "registries", message: "is a table of version 1 of the format, which CRI-O up to " +
		"1.37 and podman 5 read, and podman 6 and skopeo 1.23 refuse: write the file in version 2, with " +
		"unqualified-search-registries and [[registry]]"}.finding(d.origin("registries"))
	f.Code, f.Severity = finding.CodeInvalidFile, finding.SeverityWarning
	d.findings = append(d.findings, f)
}

// foldsTo reports whether a key stands for one of the names.
func foldsTo(key string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, key) })
}

// aliases reads the [aliases] table, whose keys are names and keep their letter case.
func (d *decoder) aliases(to *map[string]string) setter {
	return func(field string, v *tomltree.Value) {
		if v.Kind != tomltree.Table {
			// The client's decoder has no error for a map that is no table.
			d.ignore(field, fmt.Sprintf("is %s, not a table; the client ignores it: write [aliases]", v.Kind))
			return
		}
		*to = make(map[string]string, len(v.Entries))
		for _, e := range v.Entries {
			var target string
			field := field + "." + shownKey(e.Key)
			d.lines[field] = e.Line
			d.text(&target)(field, e.Value)
			(*to)[e.Key] = target
		}
	}
}

// table hands each key of a table to its setter. It finds the setter as the client does: by the exact
// name, or else by a name that differs in letter case only.
func (d *decoder) table(field string, t *tomltree.Value, where string, setters map[string]setter) {
	if field != "" {
		field += "."
	}
	spelled := map[string]tomltree.Entry{}
	for _, e := range t.Entries {
		name := e.Key
		set, known := setters[name]
		for other, s := range setters { // no two of which differ in letter case only
			if strings.EqualFold(other, name) {
				name, set, known = other, s, true
			}
		}
		if !known {
			d.lines[field+shownKey(name)] = e.Line
			d.ignore(field+shownKey(name), "is not a setting of "+where+"; the client ignores it: remove "+
				"it, or correct its name")
			continue
		}
		if first, twice := spelled[name]; twice {
			d.without(field + name)
			d.findings = append(d.findings, finding.Finding{
				Code: finding.CodeInvalidFile, Severity: finding.SeverityError,
				Platform: finding.Linux, RefusedBy: finding.Reader,
				Origin: finding.Origin{File: d.file, Field: field + name, Line: e.Line},
				Value:  e.Key,
				Message: fmt.Sprintf(`is the setting %s again, which line %d spells "%s"; the client uses one of `+
					`them at random: keep one`,
					name, first.Line, shown.Value(first.Key)),
			})
		}
		spelled[name] = e
		d.lines[field+name] = e.Line
		set(field+name, e.Value)
	}
}

// shownKey is key for a field that is shown.
func shownKey(name string) string {
	if s := shown.Key(name); s != name {
		return `"` + s + `"`
	}
	return key(name)
}

// onlyMirrors reports whether a field is what [[registry.mirror]] makes where no [[registry]]
// stands before it.
func onlyMirrors(field string, v *tomltree.Value) bool {
	return field == "registry" && len(v.Entries) == 1 &&
		strings.EqualFold(v.Entries[0].Key, "mirror") && v.Entries[0].Value.Kind == tomltree.Array
}

// tables calls each for every table of an array of tables.
func (d *decoder) tables(field string, v *tomltree.Value, each func(field string, t *tomltree.Value)) {
	if v.Kind != tomltree.Array {
		advice := "write its header in double brackets, [[…]]"
		if onlyMirrors(field, v) {
			advice = "no registry stands before its [[registry.mirror]]: put a [[registry]] with its " +
				"location before it"
		}
		d.mistyped(field, v, tomltree.Array, advice)
	}
	for i, item := range v.Items {
		field := fmt.Sprintf("%s[%d]", field, i)
		d.lines[field] = item.Line
		if item.Kind != tomltree.Table {
			d.mistyped(field, item, tomltree.Table, "write tables only")
		}
		each(field, item) // whatever it is: those that follow keep their numbers
	}
}

func (d *decoder) texts(to *[]string) setter {
	return func(field string, v *tomltree.Value) {
		if v.Kind != tomltree.Array {
			d.mistyped(field, v, tomltree.Array, `write ["…", "…"]`)
		}
		*to = make([]string, len(v.Items))
		for i, item := range v.Items {
			field := fmt.Sprintf("%s[%d]", field, i)
			d.lines[field] = item.Line
			d.text(&(*to)[i])(field, item)
		}
	}
}

func (d *decoder) text(to *string) setter {
	return func(field string, v *tomltree.Value) {
		if v.Kind != tomltree.String {
			d.mistyped(field, v, tomltree.String, "write it in double quotes")
		}
		*to = v.Text
	}
}

func (d *decoder) flag(to *bool) setter {
	return func(field string, v *tomltree.Value) {
		if v.Kind != tomltree.Boolean {
			d.mistyped(field, v, tomltree.Boolean, "write true or false, without quotes")
		}
		*to = v.Flag
	}
}

func (d *decoder) mistyped(field string, v *tomltree.Value, want tomltree.Kind, advice string) {
	d.without(field)
	d.refuse(field, v.Text, fmt.Sprintf("is %s and must be %s%s%s", v.Kind, want, pullsNothing, advice))
}

// without notes that a field has no value, because of an error that is told.
func (d *decoder) without(field string) { d.undecoded[field] = true }

func (d *decoder) refuse(field, value, message string) {
	p := problem{field: field, value: value, message: message, refused: true}
	d.findings = append(d.findings, p.finding(d.origin(field)))
}

func (d *decoder) ignore(field, message string) {
	p := problem{field: field, message: message}
	d.findings = append(d.findings, p.finding(d.origin(field)))
}

// origin returns the place of a field: its own line, or that of the nearest table around it where the
// field is absent.
func (d *decoder) origin(field string) finding.Origin {
	o := finding.Origin{File: d.file, Field: field}
	for {
		if line, ok := d.lines[field]; ok {
			o.Line = line
			return o
		}
		if field == "" {
			return o
		}
		field = parent(field)
	}
}

// isUndecoded reports whether the field, or one that it is part of, could not be decoded.
func (d *decoder) isUndecoded(field string) bool {
	for ; field != ""; field = parent(field) {
		if d.undecoded[field] {
			return true
		}
	}
	return false
}

// parent returns the path without its last key or index.
func parent(field string) string {
	return field[:max(0, strings.LastIndexAny(field, ".["))]
}
