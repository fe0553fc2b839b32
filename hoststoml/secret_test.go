package hoststoml_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/hoststoml"
)

// What callers may have: package fmt calls no method on what lies in an unexported field.
type (
	holder       struct{ hidden any }
	typed[T any] struct{ hidden T }
	deep[T any]  struct {
		hidden struct{ list []map[string]T }
	}
)

// holders returns a value, and structs that hold it in unexported fields.
func holders[T any](v T) []any {
	d := deep[T]{}
	d.hidden.list = []map[string]T{{"k": v}}
	pointed := &v
	return []any{v, &v, []T{v}, map[string]T{"k": v}, struct{ Shown T }{v}, holder{v}, &holder{&v}, typed[T]{v}, &typed[T]{v}, []*typed[T]{{v}}, d, &d,
		typed[*T]{&v}, typed[**T]{&pointed}, typed[[1]T]{[1]T{v}}, typed[func() T]{func() T { return v }}}
}

func TestSecretsAreShownByNoVerbAndNoEncoderHoweverDeepTheyLie(t *testing.T) {
	secret := hoststoml.NewSecret(password)
	settings := hoststoml.Settings{Header: hoststoml.Header{"Authorization": {secret}, "X-A": hoststoml.Secrets(password, password)}}
	file := hoststoml.File{Settings: settings, Hosts: []hoststoml.Host{{URL: "z", Settings: settings}}}
	rf := hoststoml.RegistryFile{Host: "m.io", File: &file, Extra: hoststoml.Extra{hoststoml.ExtraName("client.pem", []byte(password)): secret}}
	tree := hoststoml.Tree{rf}
	change, err := hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{})
	require.NoError(t, err)
	var values []any
	for _, some := range [][]any{
		holders(secret), holders(settings.Header), holders(settings), holders(file), holders(file.Hosts[0]), holders(rf), holders(rf.Extra), holders(tree),
		holders(hoststoml.TLS{Key: secret}), holders(map[string]hoststoml.TLS{"m.io": {Key: secret}}), holders(secretOf(t, "m.io")),
		holders(*tree.Node()), holders(tree.Node()), holders(change), holders(change.Operations[1]),
	} {
		values = append(values, some...)
	}
	for _, value := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "0", "-", " ", "20", ".3", "# "} {
				text := fmt.Sprintf("%"+flags+string(verb), value)
				requireNoSecret(t, text)
				require.NotContains(t, text, "2d 68 75", "in hexadecimal, with blanks") // of password
			}
		}
		requireNoSecret(t, fmt.Sprint(value)+fmt.Sprintln(value))
		requireNoSecret(t, texts(reflect.ValueOf(value), nil))
		var text bytes.Buffer
		encode := func(err error) { // whether one can encode the value does not matter here
			if err != nil {
				text.WriteString(err.Error())
			}
		}
		encode(json.NewEncoder(&text).Encode(value))
		encode(xml.NewEncoder(&text).Encode(value))
		encode(gob.NewEncoder(&text).Encode(value))
		encode(yamlTo(&text, value))
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "v", value)
		requireNoSecret(t, text.String())
	}
}

// texts returns all that can be reached by reflection: what github.com/davecgh/go-spew prints where it calls no
// methods, as testify and Kubernetes have it.
func texts(v reflect.Value, at []uintptr) string {
	var all strings.Builder
	switch v.Kind() {
	case reflect.String:
		return v.String() + " "
	case reflect.Pointer:
		if v.IsNil() || slices.Contains(at, v.Pointer()) {
			return ""
		}
		return texts(v.Elem(), append(at, v.Pointer()))
	case reflect.Interface:
		return texts(v.Elem(), at)
	case reflect.Map:
		for of := v.MapRange(); of.Next(); {
			all.WriteString(texts(of.Key(), at) + texts(of.Value(), at))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if c := v.Index(i); c.Kind() == reflect.Uint8 {
				all.WriteByte(byte(c.Uint()))
			} else {
				all.WriteString(texts(c, at))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			all.WriteString(texts(v.Field(i), at))
		}
	}
	return all.String()
}

// yamlTo encodes a value; the library panics for those that it cannot encode.
func yamlTo(text *bytes.Buffer, value any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return yaml.NewEncoder(text).Encode(value)
}

func TestASecretIsShownAsRedactedAndEqualToOneOfTheSameText(t *testing.T) {
	secret := hoststoml.NewSecret("x")
	require.Equal(t, "x", secret.Reveal())
	require.Equal(t, "[redacted]", secret.String())
	require.Equal(t, hoststoml.NewSecret([]byte("x")), secret)
	require.NotEqual(t, hoststoml.NewSecret("y"), secret)
	require.Equal(t, "map[Authorization:[[redacted]] X-A:[[redacted] [redacted]]]", fmt.Sprint(hoststoml.Header{
		"X-A": hoststoml.Secrets("a", "b"), "Authorization": {secret},
	}))
	text, err := json.Marshal(hoststoml.Header{"Authorization": {secret}})
	require.NoError(t, err)
	require.JSONEq(t, `{"Authorization": ["[redacted]"]}`, string(text))
	text, err = yaml.Marshal(hoststoml.Extra{"f": secret})
	require.NoError(t, err)
	require.YAMLEq(t, `f: "[redacted]"`, string(text))

	text, err = json.Marshal(secretOf(t, "m.io", "quay.io/org"))
	require.NoError(t, err)
	require.JSONEq(t, `{"m.io": "[redacted]", "quay.io/org": "[redacted]"}`, string(text))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", secretOf(t, "m.io"))
	require.Contains(t, log.String(), "v=PullSecret[m.io]")

	empty := hoststoml.NewSecret("")
	require.True(t, empty.IsZero())
	require.Equal(t, hoststoml.Secret{}, empty)
	require.Empty(t, empty.Reveal()+empty.String())
}
