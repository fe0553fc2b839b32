package input_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

const idms = `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: team}
spec:
  imageDigestMirrors:
  - {source: quay.io/team, mirrors: [m.io/team]}
`

// mustGather are the files of one, with logs that are no manifests, and a name that leads out.
var mustGather = map[string]string{
	"mg/cluster-scoped-resources/config.openshift.io/imagedigestmirrorsets/team.yaml": idms,
	"mg/host_service_logs/kubelet.log":                                                "not { yaml",
	"mg/namespaces/a/pods.yaml":                                                       "pods:\n - {{",
	"../../etc/escaped.yaml":                                                          "kind: Deployment\napiVersion: apps/v1\n",
}

func tarOf(t *testing.T, files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := io.WriteString(w, files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipOf(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zipOf(t *testing.T, files map[string]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(f, files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestAnArchiveIsReadAsTheDirectoryThatItHolds(t *testing.T) {
	for name, data := range map[string][]byte{
		"mg.tar": tarOf(t, mustGather), "mg.tar.gz": gzipOf(t, tarOf(t, mustGather)), "mg.zip": zipOf(t, mustGather), "idms.yaml.gz": gzipOf(t, []byte(idms)),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(path, data, 0o644))
			fromFile, err := input.Read([]string{path}, nil)
			require.NoError(t, err)
			fromPipe, err := input.Read([]string{"-"}, bytes.NewReader(data))
			require.NoError(t, err)
			for _, in := range []*input.Input{fromFile, fromPipe} {
				picked, err := in.Pick(finding.Linux, input.Choice{})
				require.NoError(t, err)
				require.Len(t, picked.Set.ImageDigestMirrorSets, 1)
			}
		})
	}
}

func TestANodesFilesAreReadOutOfAnArchive(t *testing.T) {
	data := gzipOf(t, tarOf(t, map[string]string{
		"sos/etc/containers/registries.conf":              "[[registry]]\nlocation = \"quay.io\"\n",
		"sos/etc/containers/registries.conf.d/a.conf":     "[[registry]]\nlocation = \"a.io\"\nblocked = true\n",
		"sos/etc/containerd/certs.d/quay.io/hosts.toml":   "[host.\"https://m.io\"]\n",
		"sos/etc/containerd/certs.d/r.io:5000/hosts.toml": "[host.\"https://m.io\"]\n",
		"sos/etc/os-release":                              "ID=rhcos\n",
	}))
	in, err := input.Read([]string{"-"}, bytes.NewReader(data))
	require.NoError(t, err)
	linux, err := in.Pick(finding.Linux, input.Choice{})
	require.NoError(t, err)
	require.Len(t, linux.Linux.Config().Registries, 2)
	windows, err := in.Pick(finding.Windows, input.Choice{})
	require.NoError(t, err)
	require.Len(t, windows.Hosts.Tree, 2)
}

func TestAnArchiveThatUnpacksToFarMoreThanItsSizeIsRefused(t *testing.T) {
	zeros := string(make([]byte, 70<<20))
	for name, data := range map[string][]byte{
		"tar.gz": gzipOf(t, tarOf(t, map[string]string{"a.yaml": zeros})),
		"zip":    zipOf(t, map[string]string{"a.yaml": zeros}),
		"gz":     gzipOf(t, []byte(zeros)),
	} {
		_, err := input.Read([]string{"-"}, bytes.NewReader(data))
		require.ErrorContains(t, err, "times its size", name)
	}
}

func TestAnArchiveThatIsDamagedOrOfAnotherKindIsAnError(t *testing.T) {
	whole := tarOf(t, mustGather)
	for want, data := range map[string][]byte{
		"is not a valid tar archive": whole[:700],
		"is packed by xz":            []byte("\xfd7zXZ\x00rest"),
		"is not a valid zip archive": []byte("PK\x03\x04rest"),
		"gzip":                       {0x1f, 0x8b, 1},
	} {
		_, err := input.Read([]string{"-"}, bytes.NewReader(data))
		require.ErrorContains(t, err, want)
	}
}
