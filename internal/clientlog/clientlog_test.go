package clientlog

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the events in testdata")

// told writes what is read of a text: the events, one a line, and the numbers of lines.
func told(text string) string {
	var b strings.Builder
	log := Read([]byte(text))
	for _, e := range log.Events {
		fmt.Fprintf(&b, "%d %s %s", e.Line, e.Client, e.Kind)
		for _, part := range []string{e.Location, string(e.Object), e.Reference} {
			if part != "" {
				b.WriteString(" " + part)
			}
		}
		if e.Namespace != "" {
			b.WriteString(" ns=" + e.Namespace)
		}
		if e.Answer.Class != None {
			fmt.Fprintf(&b, ": %s", e.Answer.Class)
		}
		if e.Answer.Status != 0 {
			fmt.Fprintf(&b, " %d", e.Answer.Status)
		}
		if e.Image != "" {
			b.WriteString(" of " + e.Image)
		}
		for _, flag := range []struct {
			set  bool
			word string
		}{{e.Summary, " (summary)"}, {e.Artifact, " (artifact)"}} {
			if flag.set {
				b.WriteString(flag.word)
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%d lines, %d beside, unknown %v\n", log.Lines, log.Beside, log.Unknown)
	return b.String()
}

// The logs are those of the real programs; conformance holds what is read of many more against what the
// registries saw.
func TestLogsOfTheRealProgramsAreRead(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			require.Len(t, archive.Files, 2)
			got := told(string(archive.Files[0].Data))
			if *update {
				archive.Files[1].Data = []byte(got)
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
				return
			}
			require.Equal(t, string(archive.Files[1].Data), got)
		})
	}
}

const (
	mirrors = `initializing source docker://quay.io/a:1: (Mirrors also failed: [m.io/a:1: reading manifest 1 in m.io/a: ` +
		"manifest unknown]\n" + `[n.io/a:1: pinging container registry n.io: Get "https://n.io/v2/": dial tcp 127.0.0.1:1: ` +
		`connect: connection refused]): quay.io/a:1: registry quay.io/a is blocked in one of ["/etc/containers/registries.conf" ` +
		`"/etc/containers/registries.conf.d"]`
	ofMirrors = `1 containers-image ends: failed of quay.io/a:1 (summary)
1 containers-image answers m.io/a manifest 1: not found 404 of quay.io/a:1 (summary)
1 containers-image answers n.io/a manifest 1: connection refused of quay.io/a:1 (summary)
1 containers-image answers quay.io/a manifest 1: blocked of quay.io/a:1 (summary)
`
)

// One error of containers-image, as people find it: each says the same.
func TestAnErrorIsReadInWhateverItStands(t *testing.T) {
	quoted := func(text string) string { return strings.ReplaceAll(strings.ReplaceAll(text, `"`, `\"`), "\n", `\n`) }
	twice := strings.ReplaceAll(strings.ReplaceAll(quoted(mirrors), `\`, `\\`), `"`, `\"`)
	kubelet := "1 kubelet ends: failed of quay.io/a:1 (summary)\n"
	for name, test := range map[string]struct{ text, before string }{
		"podman":  {"Error: " + mirrors, ""},
		"skopeo":  {`time="2026-11-29T20:38:26Z" level=fatal msg="` + quoted(mirrors) + `"`, ""},
		"journal": {`Nov 29 20:38:26 node crio[812]: time="2026-11-29T20:38:26Z" level=fatal msg="` + quoted(mirrors) + `" file="a.go:1"`, ""},
		"describe": {"  Warning  Failed     3s (x2 over 18s)   kubelet            Failed to pull image \"quay.io/a:1\": rpc error: " +
			"code = Unknown desc = " + mirrors, kubelet},
		"kubectl -o json": {`        "message": "Failed to pull image \"quay.io/a:1\": ` + quoted(mirrors) + `",`, kubelet},
		"an event a line": {`{"kind":"Event","reason":"Failed","involvedObject":{"kind":"Pod"},"message":"Failed to pull image \"quay.io/a:1\": ` +
			quoted(mirrors) + `"}`, kubelet},
		"a list of events":           {`{"kind":"List","items":[{"message":"Failed to pull image \"quay.io/a:1\": ` + quoted(mirrors) + `"}]}`, kubelet},
		"an event in a line of JSON": {`{"log":"{\"message\":\"Failed to pull image \\\"quay.io/a:1\\\": ` + strings.ReplaceAll(twice, `\\\"`, `\\\"`) + `\"}"}`, kubelet},
		"klog, quoted": {`Nov 29 20:38:26 node kubenswrapper[99]: E1129 20:38:26.000000   99 remote_image.go:180] "PullImage from image service failed" ` +
			`err="rpc error: code = Unknown desc = ` + quoted(mirrors) + `" image="quay.io/a:1"`, kubelet},
		"klog, in lines": {"E1129 20:38:26.000000      99 remote_image.go:180] \"PullImage from image service failed\" err=<\n\trpc error: code = Unknown desc = " +
			strings.ReplaceAll(mirrors, "\n", "\n\t") + "\n > image=\"quay.io/a:1\"", kubelet},
		"cut short": {"Error: " + mirrors[:strings.Index(mirrors, "connection refused]")+len("connection refused")], ""},
	} {
		want := test.before + ofMirrors
		if name == "cut short" {
			want = want[:strings.Index(want, "1 containers-image answers quay.io")]
		}
		got := told(test.text)
		require.Equal(t, want, got[:strings.LastIndex(strings.TrimSpace(got), "\n")+1], name)
	}
}

func TestWhatContainerdSaysIsReadInWhateverItStands(t *testing.T) {
	const failed = `failed to pull and unpack image "quay.io/a:1": failed to resolve reference "quay.io/a:1": failed to do request: ` +
		`Head "https://m.io/v2/a/manifests/1?ns=quay.io": dial tcp: lookup m.io: no such host`
	quoted := strings.ReplaceAll(failed, `"`, `\"`)
	for text, want := range map[string]string{
		`  Warning  Failed  3s  kubelet  Failed to pull image "quay.io/a:1": rpc error: code = Unknown desc = ` + failed: `1 kubelet ends: failed of quay.io/a:1 (summary)
1 containerd ends: no such host of quay.io/a:1 (summary)
1 containerd answers m.io/a manifest 1 ns=quay.io: no such host of quay.io/a:1 (summary)
1 lines, 0 beside, unknown []
`,
		`time="2026-11-29T20:39:52.362935950Z" level=error msg="PullImage \"quay.io/a:1\" failed" error="` + quoted + `"` + "\r\n": `1 containerd ends: failed of quay.io/a:1 (summary)
1 containerd ends: no such host of quay.io/a:1 (summary)
1 containerd answers m.io/a manifest 1 ns=quay.io: no such host of quay.io/a:1 (summary)
1 lines, 0 beside, unknown []
`,
		`time="2026-11-29T20:39:52Z" level=info msg="trying next host" error="failed to do request: Head \"https://m.io/v2/a/manifests/1?ns=quay.io\": ` +
			`tls: failed to verify certificate: x509: certificate signed by unknown authority" host=m.io`: `1 containerd answers m.io/a manifest 1 ns=quay.io: certificate of an unknown authority
1 lines, 0 beside, unknown []
`,
		`time="2026-11-29T20:39:52Z" level=info msg="trying next host - response was http.StatusNotFound" host="m.io:5000"`: `1 containerd answers m.io:5000: not found 404
1 lines, 0 beside, unknown []
`,
		`time="2026-11-29T20:39:52Z" level=info msg="fetch failed after status: 403 Forbidden" host=quay.io method=HEAD url="https://quay.io/v2/a/manifests/1"`: `1 containerd answers quay.io/a manifest 1: denied 403
1 lines, 0 beside, unknown []
`,
		`time="2026-11-29T20:39:52Z" level=error msg="failed to decode C:\\k\\containerd\\registries\\quay.io\\hosts.toml" error="failed to parse TOML"`: `1 containerd ignores quay.io: failed
1 lines, 0 beside, unknown []
`,
		`rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/b:1": failed to resolve reference "docker.io/library/b:1": docker.io/library/b:1: not found`: `1 containerd ends: not found 404 of docker.io/library/b:1 (summary)
1 lines, 0 beside, unknown []
`,
	} {
		require.Equal(t, want, told(text), text)
	}
	require.True(t, Read([]byte(`x msg="failed to decode C:\\k\\registries" y`)).Windows)
	require.False(t, Read([]byte(`GET https://m.io/v2/ "a:\"`)).Windows)
}

// The second round of CRI-O asks the locations again, for an artifact.
func TestTheRoundForAnArtifactIsToldApart(t *testing.T) {
	const one = `initializing source docker://quay.io/a:1: reading manifest 1 in quay.io/a: manifest unknown`
	require.Equal(t, `1 containers-image begins of quay.io/a:1
2 containers-image asks quay.io/a manifest 1
3 containers-image ends: failed of quay.io/a:1 (summary)
3 containers-image answers quay.io/a manifest 1: not found 404 of quay.io/a:1 (summary)
4 containers-image asks quay.io/a manifest 1 (artifact)
5 containers-image ends: failed of quay.io/a:1 (summary)
5 containers-image answers quay.io/a manifest 1: not found 404 of quay.io/a:1 (summary)
5 containers-image answers quay.io/a manifest 1: not found 404 of quay.io/a:1 (summary) (artifact)
5 lines, 0 beside, unknown []
`, told(`time="2026-11-29T20:00:00Z" level=info msg="Pulling image: quay.io/a:1" id=1 name=/runtime.v1.ImageService/PullImage
time="2026-11-29T20:00:00Z" level=info msg="Trying to access \"quay.io/a:1\""
time="2026-11-29T20:00:00Z" level=info msg="Falling back to pull quay.io/a:1 as an OCI artifact: `+one+`" id=1 name=/runtime.v1.ImageService/PullImage
time="2026-11-29T20:00:00Z" level=info msg="Trying to access \"quay.io/a:1\""
rpc error: code = Unknown desc = unable to pull image or OCI artifact: pull image err: `+one+`; artifact err: get manifest: build image source: reading manifest 1 in quay.io/a: manifest unknown
`))
}

// Each is the error of one location, behind what the clients put before it.
func TestWhatAnErrorMeans(t *testing.T) {
	for text, want := range map[string]Class{
		`reading manifest 1 in quay.io/a: manifest unknown: manifest tagged by "1" is not found`:                                                                                           NotFound,
		`reading manifest 1 in quay.io/a: name unknown: repository name not known to registry`:                                                                                             NotFound,
		`reading manifest 1 in quay.io/a: StatusCode: 404, "<html>x509: certificate signed by unknown authority</html>"`:                                                                   NotFound,
		`reading manifest 1 in quay.io/a: unauthorized: access to the requested resource is not authorized`:                                                                                Unauthorized,
		`reading manifest 1 in quay.io/a: unable to retrieve auth token: invalid username/password: unauthorized: x`:                                                                       Unauthorized,
		`reading manifest 1 in quay.io/a: requested access to the resource is denied`:                                                                                                      Denied,
		`reading manifest 1 in quay.io/a: denied: repository not found`:                                                                                                                    Denied,
		`Requesting bearer token: invalid status code from registry 403 (Forbidden)`:                                                                                                       Denied,
		`reading manifest 1 in quay.io/a: toomanyrequests: You have reached your pull rate limit`:                                                                                          TooMany,
		`pinging container registry quay.io: too many requests to registry`:                                                                                                                TooMany,
		`reading manifest 1 in quay.io/a: received unexpected HTTP status: 503 Service Unavailable`:                                                                                        ServerError,
		`pinging container registry m: Get "https://m/v2/": x509: certificate signed by unknown authority`:                                                                                 UnknownCA,
		`pinging container registry m: Get "https://m/v2/": tls: failed to verify certificate: x509: certificate is valid for n, not m`:                                                    WrongName,
		`pinging container registry m: Get "https://m/v2/": x509: certificate has expired or is not yet valid: current time`:                                                               Expired,
		`pinging container registry m: Get "https://m/v2/": remote error: tls: handshake failure`:                                                                                          BadTLS,
		`pinging container registry m: Get "https://m/v2/": http: server gave HTTP response to HTTPS client`:                                                                               PlainHTTP,
		`pinging container registry m: Get "https://m/v2/": dial tcp: lookup m on 10.0.0.1:53: no such host`:                                                                               NoName,
		`pinging container registry m: Get "https://m/v2/": dial tcp 10.0.0.1:443: connect: connection refused`:                                                                            Refused,
		`Head "https://m/v2/": dial tcp 10.0.0.1:443: connectex: No connection could be made because the target machine actively refused it.`:                                              Refused,
		`Head "https://m/v2/": dial tcp 10.0.0.1:443: connectex: A connection attempt failed because the connected party did not properly respond after a period of time, or established`:  Timeout,
		`pinging container registry m: Get "https://m/v2/": dial tcp 10.0.0.1:443: i/o timeout`:                                                                                            Timeout,
		`pinging container registry m: Get "https://m/v2/": net/http: TLS handshake timeout`:                                                                                               Timeout,
		`pinging container registry m: Get "https://m/v2/": dial tcp 10.0.0.1:443: connect: no route to host`:                                                                              Unreachable,
		`pinging container registry m: Get "https://m/v2/": read tcp 10.0.0.1:443: connection reset by peer`:                                                                               Reset,
		`pinging container registry m: Get "https://m/v2/": Bad Gateway`:                                                                                                                   ServerError,
		`registry quay.io/a is blocked in one of ["/etc/containers/registries.conf"]`:                                                                                                      Blocked,
		`registry quay.io/a is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d`:                                                                            Blocked,
		`Source image rejected: Running image docker://quay.io/a:1 is rejected by policy.`:                                                                                                 PolicyRejected,
		`failed to resolve reference "quay.io/a:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`:           Unauthorized,
		`failed to resolve reference "quay.io/a:1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://m/token?scope=x: 401 Unauthorized`: Unauthorized,
		`unexpected status from HEAD request to https://m/v2/a/manifests/1: 500 Internal Server Error`:                                                                                     ServerError,
		`unexpected status code https://m/v2/a/blobs/sha256:0: 403 Forbidden`:                                                                                                              Denied,
		`pulling from host m.io failed with status code [manifests 1]: 429 Too Many Requests`:                                                                                              TooMany,
		`unexpected status code [manifests 1]: 401 Unauthorized`:                                                                                                                           Unauthorized,
		`content at https://m/v2/a/blobs/sha256:0 not found: not found`:                                                                                                                    NotFound,
		`no resolve hosts: not found`: NoHosts,
		`context canceled`:            Canceled,
		`something else`:              OtherFailure,
	} {
		require.Equal(t, want, answerOf(text).Class, text)
	}
}

func TestAURLIsTheLocationThatPlansName(t *testing.T) {
	for text, want := range map[string]place{
		"https://m.io/v2/x/a/manifests/1?ns=quay.io%3A5000": {"m.io/x/a", "1", "quay.io:5000", Manifest},
		"https://m.io:5000/v2/a/blobs/sha256:0":             {"m.io:5000/a", "sha256:0", "", Blob},
		"https://m.io/org/v2/a/manifests/1":                 {"m.io/org/v2/a", "1", "", Manifest},
		"https://m.io/v2/":                                  {"m.io", "", "", ""},
	} {
		got, ok := placeOf(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	_, ok := placeOf("https://auth.m.io/token?service=m.io&scope=repository:a:pull")
	require.False(t, ok)
	for text, want := range map[string]place{
		"quay.io/a:1": {"quay.io/a", "1", "", Manifest}, "quay.io:5000/a": {"quay.io:5000/a", "", "", Manifest},
		"docker://q.io/a:1@sha256:0": {"q.io/a", "sha256:0", "", Manifest},
		"user:password@q.io/a:1":     {"q.io/a", "1", "", Manifest}, "token@q.io:5000/a@sha256:0": {"q.io:5000/a", "sha256:0", "", Manifest},
	} {
		require.Equal(t, want, named(text), text)
	}
}

// wide writes a text as PowerShell does.
func wide(text string, mark bool) []byte {
	var b []byte
	if mark {
		b = []byte{0xff, 0xfe}
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func TestAFileOfPowerShellIsRead(t *testing.T) {
	text := "Error: " + strings.ReplaceAll(mirrors, "\n", "\r\n") + "\r\n"
	want := Read([]byte(text))
	require.Len(t, want.Events, 4)
	for _, mark := range []bool{true, false} {
		got := Read(wide(text, mark))
		require.True(t, got.UTF16)
		require.Equal(t, want.Events, got.Events)
		require.Equal(t, 2, got.Lines)
	}
}

func TestLinesThatAreNotKnownAreCounted(t *testing.T) {
	log := Read([]byte("\n\nwhat is this\nTrying to access \"m.io/a:1\"\n\nGetting image source signatures\nand this\n"))
	require.Equal(t, 4, log.Lines)
	require.Equal(t, 1, log.Beside)
	require.Equal(t, []int{3, 7}, log.Unknown)
	require.Equal(t, 4, log.Events[0].Line)
}

// FuzzRead: nothing panics, every line is counted once, and events are of lines that there are, in order.
func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		f.Add(archive.Files[0].Data)
	}
	f.Add([]byte(mirrors))
	f.Add(wide(mirrors, true))
	f.Add([]byte(`{"log":"{\"message\":\"Failed to pull image \\\"a\\\": `))
	f.Fuzz(func(t *testing.T, text []byte) {
		log := Read(text)
		used, before := map[int]bool{}, 0
		for _, e := range log.Events {
			require.GreaterOrEqual(t, e.Line, max(1, before))
			require.False(t, e.Kind == Answers && e.Answer.Class == None && e.Client == ContainersImage && e.Answer.Said != "")
			before, used[e.Line] = e.Line, true
		}
		require.LessOrEqual(t, log.Beside+len(log.Unknown)+len(used), log.Lines+len(used))
		require.LessOrEqual(t, log.Beside+len(log.Unknown), log.Lines)
		for _, n := range log.Unknown {
			require.False(t, used[n])
		}
	})
}
