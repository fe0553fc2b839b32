package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostIsWhatTheNetworkSees(t *testing.T) {
	for spelled, want := range map[string]string{
		"quay.io":                    "quay.io",
		"Quay.IO":                    "quay.io",
		"quay.io.":                   "quay.io",
		"quay.io:443":                "quay.io",
		"quay.io:0443":               "quay.io",
		"QUAY.io:00443":              "quay.io",
		"quay.io:5000":               "quay.io:5000",
		"quay.io:05000":              "quay.io:5000",
		"quay.io:80":                 "quay.io:80",
		"quay.io:0":                  "quay.io:0",
		"quay.io:00":                 "quay.io:0",
		"docker.io":                  DockerHub,
		"index.docker.io:443":        DockerHub,
		"Registry-1.Docker.io:0443":  DockerHub,
		"docker.io:5000":             "docker.io:5000",
		"*.Example.org":              "*.example.org",
		"127.0.0.1":                  "127.0.0.1",
		"127.1:5000":                 "127.0.0.1:5000",
		"0x7F.1":                     "127.0.0.1",
		"0177.0.0.1":                 "127.0.0.1",
		"2130706433:443":             "127.0.0.1",
		"127.0.0.256":                "127.0.0.256",
		"1.2.3.4.5":                  "1.2.3.4.5",
		"09.1":                       "09.1",
		"1_0.1":                      "1_0.1",
		"3scale.net":                 "3scale.net",
		"[2001:db8::1]:443":          "[2001:db8::1]",
		"[2001:db8::1]":              "[2001:db8::1]",
		"[2001:DB8::1]:05000":        "[2001:db8::1]:5000",
		"":                           "",
		"xn--bcher-kva.example:0443": "xn--bcher-kva.example",
	} {
		require.Equal(t, want, Host(spelled), spelled)
		require.Equal(t, want, Host(want), "the canonical form of %s is its own", spelled)
	}
}

func TestUsualIsHowPeopleWriteIt(t *testing.T) {
	for spelled, want := range map[string]string{
		"quay.io/a":                   "quay.io/a",
		"Quay.io:0443/a/b":            "quay.io/a/b",
		"quay.io:80":                  "quay.io:80",
		"docker.io/library":           "docker.io/library",
		"index.docker.io/library":     "docker.io/library",
		"registry-1.docker.io:443":    "docker.io",
		"registry-1.docker.io:5000/a": "registry-1.docker.io:5000/a",
		"*.Example.com":               "*.example.com",
		"127.1:5000/a":                "127.0.0.1:5000/a",
	} {
		require.Equal(t, want, Usual(spelled), spelled)
	}
}

func TestHTTPHasAnotherDefaultPort(t *testing.T) {
	for spelled, want := range map[string]string{
		"n.io":         "n.io:80",
		"N.io:080":     "n.io:80",
		"n.io:443":     "n.io",
		"n.io:05000":   "n.io:5000",
		"docker.io":    DockerHub + ":80",
		"docker.io:80": "docker.io:80",
	} {
		require.Equal(t, want, HTTPHost(spelled), spelled)
	}
}

func TestShortIPv4NamesTheAddressThatIsMeant(t *testing.T) {
	for host, want := range map[string]string{"127.1": "127.0.0.1", "0x7f.1:5000": "127.0.0.1", "010.0.0.1": "8.0.0.1", "10.0.0.01": "10.0.0.1"} {
		got, ok := ShortIPv4(host)
		require.True(t, ok, host)
		require.Equal(t, want, got, host)
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.1:5000", "quay.io", "3.io", "1.2.3.999", ""} {
		_, ok := ShortIPv4(host)
		require.False(t, ok, host)
	}
}
