package sealed

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATextIsOpenedAsItWasSealed(t *testing.T) {
	for _, text := range []string{"", "a", "password", "\x00\xff", strings.Repeat("long ", 10_000)} {
		require.Equal(t, text, New(text).Open())
		require.Equal(t, New(text), New([]byte(text)))
		require.False(t, New(text).IsZero())
		require.NotEqual(t, New(text), New(text+"."))
	}
	require.True(t, Text{}.IsZero())
	require.Empty(t, Text{}.Open())
}

func TestNothingFindsTheTextByReflection(t *testing.T) {
	held := struct{ hidden []Text }{[]Text{New("hunter2")}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, any(held)), "hunter2")
	}
	sealed := reflect.ValueOf(held).Field(0).Index(0).Field(0).Elem().String()
	require.Len(t, sealed, 16+len("hunter2"))
	require.NotContains(t, sealed, "hunter2")
	require.NotEqual(t, sealed[16:], reflect.ValueOf(New("hunter3")).Field(0).Elem().String()[16:])
}
