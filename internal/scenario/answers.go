package scenario

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// answered ends the name of the part of an archive that holds what comes out.
const answered = " answer"

// Answers holds that each part of an archive, an input, is answered with the part below it, which has its
// name and " answer" behind it. Texts that are compared whole leave no word, order or line unsaid. With
// -update it writes the answers.
func Answers(t *testing.T, path string, answer func(t *testing.T, name, text string) string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	want := map[string]string{}
	var files []txtar.File
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, answered); ok {
			want[name] = string(f.Data)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			got := answer(t, f.Name, string(f.Data))
			if got != "" && !strings.HasSuffix(got, "\n") {
				got += "\n" // as every part of an archive ends
			}
			files = append(files, f, txtar.File{Name: f.Name + answered, Data: []byte(got)})
		})
	}
	if Update() {
		archive.Files = files
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
		return
	}
	require.NotEmpty(t, files)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name, answered); ok {
			require.Equal(t, want[name], string(f.Data), name)
		}
	}
}
