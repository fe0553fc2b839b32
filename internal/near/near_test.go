package near

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWordIsFoundBySlipsAndByItsBeginning(t *testing.T) {
	words := []string{"lint", "linux", "windows", "inexact-mirror"}
	for word, want := range map[string]string{
		"lnit": "lint", "lint": "lint", "lin": "lint", "linuxx": "linux", "LINUX": "linux", "win": "windows", "windwos": "windows",
		"inexact": "inexact-mirror", "w": "", "mac": "", "": "",
	} {
		require.Equal(t, want, Word(word, words), word)
	}
}
