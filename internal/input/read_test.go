package input

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// texts are files of a repository: about other things, or not, or broken.
var texts = []string{
	"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "apiVersion: v1\nkind: Pod\nbroken: [\n", "replicas: 3\nimage:\n  tag: v1\n", "a: [\n", "a: {{ .Values.b }}\n", "{{ if .a }}\nkind: Pod\n{{ end }}\n",
	"- hosts: all\n", "words\n", "", "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}", "{\"a\": ", "kind: Pod\nkind: Pod\n",
	"apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: d}\nspec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a]}]}\n",
	"apiVersion: config.openshift.io/v1\nkind: ImageDigestMirorSet\nmetadata: {name: d}\n", "kind: ImageTagMirrorSet\nspec: [\n",
	"apiVersion: v1\nkind: Secret\ndata: {a: W1tyZWdpc3RyeV1dCmxvY2F0aW9uID0gImEiCmJsb2NrZWQgPSB0cnVlCg==}\n", "apiVersion: v1\nkind: List\nitems: []\n",
	"apiVersion: v1\nkind: ConfigMap\ndata:\n  ca: |\n    -----BEGIN CERTIFICATE-----\n", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n",
	"apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata: {name: m}\nspec: {config: {storage: {files: [{path: /etc/containers/registries.conf, contents: {source: \"data:,a%20%3D%201\"}}]}}}\n",
	"apiVersion: config.openshift.io/v1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec: {}\n", "id: a\nsource: b.io\nmirrors: [c.io]\n",
}

func TestAFileThatIsOnlySearchedHoldsWhatReadingFinds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(14, 5))
	files := newMemory()
	for i := range 3000 {
		text := texts[rnd.IntN(len(texts))]
		switch rnd.IntN(6) {
		case 0:
			text += "---\n" + texts[rnd.IntN(len(texts))]
		case 1:
			text = strings.ReplaceAll(text, "\n", "\r\n")
		case 2:
			data := []byte("\xff\xfe")
			for _, u := range utf16.Encode([]rune(text)) {
				data = binary.LittleEndian.AppendUint16(data, u)
			}
			text = string(data)
		}
		files.add(fmt.Sprintf("%d.yaml", i), []byte(text))
	}
	var buffer bytes.Buffer
	searched := 0
	for name, data := range files.files {
		read, decoded := &found{name: name}, &found{name: name}
		read.read(files, &buffer)
		decoded.decode(data)
		if read.set == nil {
			searched++
			require.True(t, read.nothing && decoded.nothing, "%q", data)
			require.Empty(t, decoded.set.Findings, "%q", data)
			continue
		}
		require.Equal(t, decoded, read, "%q", data)
	}
	require.Greater(t, searched, 300)
}
