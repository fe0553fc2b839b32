package shown

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestValuesThatAreNamesAreShownAsTheyAre(t *testing.T) {
	for _, s := range []string{
		"", "quay.io", "quay.io:5000/a/b", "Quay.io/Team/App", "*.example.org", "localhost:5000/a", "mirror:5000/a", "nginx:1.25", "minio:RELEASE.2024-01-01T00-00-00Z",
		"quay.io/a@sha256:" + strings.Repeat("a", 64), "app:1@sha512:" + strings.Repeat("0", 128), "quay.io/a:1@sha256:abc", "quay.io/a@latest", "*.a.io@b",
		"ImageDigestMirrorSet/a", "HostedCluster/ns/name", "spec.imageDigestMirrors[0].mirrors[0]", "https://m.io/v2/org", "http://[::1]:5000", "2001:db8::1", "10s", "-5s",
		"true", "NeverContactSource", "müller.example", `C:\k\containerd\registries`, "kubectl.kubernetes.io/last-applied-configuration", "quay.io:tag", "a_b.io/c",
	} {
		require.Equal(t, s, Value(s), s)
		require.Equal(t, s, Text(s), s)
	}
	for _, s := range []string{"quay.io/MyOrganisation/App", "quay.io/team:1.2", "Mirror", "*.quay.io/x", "quay.io*", "quay.io/team/", "a.io,b.io", "127.0.0.1", "docker://m.io/x"} {
		require.Equal(t, s, Location(s), s)
	}
}

func TestWhatMayBeASecretIsLeftOut(t *testing.T) {
	for s, want := range map[string]string{
		"user:pa55word@m.io/x":                          "[redacted]@m.io/x",
		"https://user:pa55word@m.io/x":                  "https://[redacted]@m.io/x",
		"docker://pa55word@m.io:5000":                   "docker://[redacted]@m.io:5000",
		"https://user:pa55@word/@m.io":                  "https://[redacted]@m.io",
		"https://user:pa55 word@m.io":                   "https://[redacted]@m.io",
		"user%3Apa55word%40m.io":                        "[redacted]@[redacted]",
		"user:pa55@word":                                "[redacted]@[redacted]",
		"user:pa55word@m.io/a@sha256:" + sixtyFour:      "[redacted]@m.io/a@sha256:" + sixtyFour,
		"https://m.io/x?token=pa55word":                 "https://m.io/x?[redacted]",
		"https://m.io/x#pa55word":                       "https://m.io/x#[redacted]",
		"https://user:pa55word":                         "https://user:[redacted]",
		"https://[user:pa55word":                        "https://[user:[redacted]",
		"[user:pa55word]":                               "[user:[redacted]",
		"https://m.io/ahttps://user:pa55word":           "https://m.io/ahttps://[redacted]",
		"user:pa55word/x":                               "user:[redacted]/x",
		`c.io/b {"auths":{"q.io":{"auth":"pa55word"}}}`: "c.io/b [redacted]",
		`{"auths":{"q.io":{"auth":"pa55word"}}}`:        "[redacted]",
		"a.io/b\npassword: pa55word":                    `a.io/b\n[redacted]`,
		`b3BlpbnNoaWZ0JFVA=="}}}'`:                      "[redacted]",
		"puller:pa@quay.io/team/app:1puller:pa55$word":  "[redacted]@quay.io/team/app:[redacted]",
		"robot$ci:pa55word":                             "robot$ci:[redacted]",
		" pa55word":                                     " [redacted]",
	} {
		require.Equal(t, want, Value(s), s)
		require.NotContains(t, Location(s), "pa55")
	}
	for s, want := range map[string]string{
		"user:Pa55word":                        "user:[redacted]",
		"user:pa55~word":                       "user:[redacted]",
		"https//user:Pa55word":                 "https//user:[redacted]",
		"lREjgBvlhNIjMhCBfdNaVuoT":             "[redacted]",
		"quay.io/b3BlbnNoaWZ0LXJlbGV":          "quay.io/[redacted]",
		hexToken:                               "[redacted]",
		"PLkipG*bjgMBY":                        "[redacted]",
		"m.io/" + hexToken:                     "m.io/[redacted]",
		"user:" + hexToken:                     "user:[redacted]",
		"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9": "[redacted]",
		"A1B2C3D4E5F6G7H8I9J0KLMNOPQRSTUV":     "[redacted]",
		jwt:                                    "[redacted]",
		"eyJqRZLxAEOCMmN5Humf7VJ6zjW.bzBqO_2":  "[redacted]",
	} {
		require.Equal(t, want, Location(s), s)
	}
	for s, want := range map[string]string{
		`open https://user:pa55word@m.io: no such file`:    `open https://[redacted]@m.io: no such file`,
		`key "user:pa55word@m.io" and 'a:pa55@b.io' twice`: `key "[redacted]@m.io" and '[redacted]@b.io' twice`,
		`mail team@m.io, or quay.io/a:1@sha256:…`:          `mail team@m.io, or quay.io/a:1@sha256:…`,
		`{"field": "host.\"https://me:pa55word\".ca"}`:     `{"field": "host.\"https://me:[redacted]\".ca"}`,
		`see https://m.io:5000/a and https://me:pa55word`:  `see https://m.io:5000/a and https://me:[redacted]`,
	} {
		require.Equal(t, want, Text(s), s)
	}
}

const (
	hexToken = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	jwt      = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.q1w2e3r4t5y6"
)

func TestNamesWithAHashAndHostsAreNoTokens(t *testing.T) {
	for _, s := range []string{
		"worker/rendered-worker-" + hexToken, "app-" + hexToken + ".us-east-1.elb.amazonaws.com", "a1b2c3d4e5f6a7b8c9d0.elb.amazonaws.com:5000/x",
		"quay.io/a@sha256:" + sixtyFour, "quay.io/ocp-v4.0-art-dev", "registry-4-16-rhel9-ubi9-v1alpha1", "containerRuntimeSearchRegistries", "X-Registry-Auth2",
	} {
		require.Equal(t, s, Key(s))
		if strings.ToLower(s) == s { // locations are in lower case
			require.Equal(t, s, Location(s))
		}
	}
	for s, want := range map[string]string{
		jwt: "[redacted]", "Secret/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9": "Secret/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
		hexToken: "[redacted]", "Secret/" + hexToken: "Secret/[redacted]", "AbCdEf0123456789abcdefGHIJ": "[redacted]",
		"short1A": "short1A", "a\x1bb": `a\u001bb`, "x y": "x [redacted]", "me:pw@m.io": "[redacted]@m.io",
	} {
		require.Equal(t, want, Key(s), s)
	}
}

func TestTheNameOfAFileThatIsNotThereMayBeASecret(t *testing.T) {
	for _, s := range []string{
		"mirrors.yaml", "/home/me/Projects2024/Cluster-Prod-01/mirrors.yaml", `C:\k\containerd\registries`, "../a_b/c.d", "-", "https",
	} {
		require.Equal(t, s, Path(s))
	}
	for s, want := range map[string]string{
		`{"auths":{"quay.io":{"auth":"dXNlcjpwYXNz"}}}`: "[redacted]", "Bearer AbCdEf0123456789": "Bearer [redacted]", "password=hunter2": "[redacted]",
		"ghp_AbCdEf0123456789abcdefGHIJ": "[redacted]", hexToken: "[redacted]", jwt: "[redacted]", "user:hunter2": "user:[redacted]",
		"https://me:hunter2@m.io/x": "https://[redacted]@m.io/x", "dir/AbCdEf0123456789abcdefGHIJ": "dir/[redacted]",
	} {
		require.Equal(t, want, Path(s), s)
	}
}

var sixtyFour = strings.Repeat("a", 64)

func TestTheParameterOfARequestIsShown(t *testing.T) {
	for url, want := range map[string]string{
		"https://m.io:5000/v2/a/manifests/1?ns=quay.io":         "https://m.io:5000/v2/a/manifests/1?ns=quay.io",
		"https://m.io/v2/a/manifests/1?ns=quay.io%3A5000":       "https://m.io/v2/a/manifests/1?ns=quay.io%3A5000",
		"https://m.io/v2/a/manifests/1":                         "https://m.io/v2/a/manifests/1",
		"https://u:secret@m.io/v2/a/manifests/1?ns=quay.io":     "https://[redacted]@m.io/v2/a/manifests/1?ns=quay.io",
		"https://m.io/v2/a?token=secret?ns=quay.io?more=secret": "https://m.io/v2/a?[redacted]?ns=quay.io?[redacted]",
	} {
		require.Equal(t, want, Request(url))
	}
}

func TestWhatDoesNotPrintIsEscaped(t *testing.T) {
	for s, want := range map[string]string{
		"quay.io\x1b[31m": `quay.io\u001b[31m`, "a\x00b\x7f": `a\u0000b\u007f`, "a\u0085": `a\u0085`, "a\u009b1": `a\u009b1`, "\u202ea\u2066": `\u202ea\u2066`, "a\u200bb\ufeff": `a\u200bb\ufeff`,
		"a\xffb": `a\xffb`, "a\U000e0001": `a\U000e0001`, "\ufffd": "\ufffd", "m.io\r": `m.io\r`,
	} {
		require.Equal(t, want, Value(s), "%q", s)
		require.Equal(t, want, Text(s), "%q", s)
	}
	require.Equal(t, `m.io\n[redacted]`, Value("m.io\n# evil"))
	require.Equal(t, `m.io\n# evil\u2028\tx`, Text("m.io\n# evil\u2028\tx"))
}

func TestWhatAParserRepeatsIsLeftOut(t *testing.T) {
	for message, want := range map[string]string{
		"expected newline but got U+0053 'S'":                            "expected newline",
		"invalid character at start of key: U+0053 'S'":                  "invalid character at start of key",
		"key pa55word already exists as a value":                         "the key or table already exists: it is written twice, or once as one kind of value and once as another",
		"key pa55word is already defined":                                "the key is already defined",
		"unknown anchor 'pa55word' referenced":                           "an alias (*) of an anchor (&) that is not there; put a text that begins with * in quotes",
		"invalid character 'p' after object key:value pair":              "an unexpected character after object key:value pair",
		`invalid character '\'' in literal true (expecting 'e')`:         "an unexpected character in literal true (expecting 'e')",
		"cannot decode !!str `pa55word` as a !!int":                      "it does not follow the grammar of the format",
		`something of "pa55word..."`:                                     "it does not follow the grammar of the format",
		"did not find expected ',' or ']'":                               "did not find expected ',' or ']'",
		`unable to parse float: strconv.ParseFloat: parsing "1pa55word"`: "a number that is none",
	} {
		require.Equal(t, want, Mistake(message), message)
	}
}

func FuzzShown(f *testing.F) {
	for _, s := range []string{"user:pw@m.io\n", "a b", "https://x?y", "\x1b\u202e\xff", "[redacted]@x", "a%40b.io", "https//a:B~", "a\\n[redacted]", "::", "//a//b", "?@:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, show := range map[string]func(string) string{"Value": Value, "Location": Location, "Text": Text, "Escape": Escape, "Key": Key, "Path": Path} {
			out := show(s)
			require.True(t, utf8.ValidString(out), name)
			require.False(t, strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }), "%s: %q", name, out)
		}
	})
}
