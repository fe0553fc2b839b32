// Package zero holds the exported types of a package to an answer for nil and for the zero value.
package zero

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireAnswers calls every method of pointers to values, and prints and encodes what they point
// to. Arguments are zero values, too. skip names methods that take what cannot be nil by their
// contract, as TYPE.METHOD.
func RequireAnswers(t *testing.T, skip []string, values ...any) {
	t.Helper()
	for _, v := range values {
		value := reflect.ValueOf(v)
		require.Equal(t, reflect.Pointer, value.Kind(), "%T", v)
		for i := range value.NumMethod() {
			method := value.Type().Method(i)
			name := value.Type().Elem().Name() + "." + method.Name
			if method.Name == "Format" { // called through fmt, below
				continue
			}
			if contains(skip, name) || value.IsNil() && promoted(value.Type(), method.Name) {
				continue
			}
			args := make([]reflect.Value, method.Type.NumIn()-1)
			for j := range args {
				args[j] = reflect.Zero(method.Type.In(j + 1))
			}
			call := value.Method(i).Call
			if method.Type.IsVariadic() {
				call = value.Method(i).CallSlice
			}
			require.NotPanics(t, func() { call(args) }, "%s of %#v", name, v)
		}
		require.NotPanics(t, func() {
			_ = fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v)
			_, _ = json.Marshal(v)
		}, "%T", v)
	}
}

// promoted reports whether a method has a value receiver: Go itself stops at a nil pointer to such
// a type.
func promoted(pointer reflect.Type, name string) bool {
	_, ok := pointer.Elem().MethodByName(name)
	return ok
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
