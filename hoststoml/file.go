package hoststoml

import "time"

// A File is one hosts.toml. Its zero value says nothing: the original registry is contacted.
//
// Reading it from any number of goroutines is safe, and no method changes it.
type File struct {
	// Comment is the text of the comment lines at the top, without "#" and one space after it, joined
	// by "\n". Comments elsewhere are not kept.
	Comment string
	// Server is asked when no host has served the request: a URL, or host[:port][/path], which is asked
	// by https. Empty means that the original registry is contacted in its place, and that of the
	// settings at the top of the file Capabilities and OverridePath do not count.
	Server string
	// EmptyServer is set where the key server is there without a text. To upstream containerd that is as
	// if it were absent. The containerd of k3s and RKE2 contacts the original registry after the hosts
	// only where the key is there.
	EmptyServer bool
	// Settings stand at the top of the file and apply to Server, not to Hosts.
	Settings
	// Hosts are asked in this order. A host occurs twice where containerd 2 asks it twice; such a
	// File cannot be written again, and Validate says so.
	Hosts []Host
}

// A Host is one [host."URL"] table.
type Host struct {
	// URL is the table's name: a URL, or host[:port][/path], which is asked by https. See [ParseTarget].
	URL string
	Settings
}

// Settings are the keys that a host table and the top of the file have in common.
type Settings struct {
	// Capabilities are what the host may be asked for. Empty means everything.
	Capabilities []Capability
	// CA are files with certificates that the host's certificate may be signed by.
	CA []string
	// Client are the certificates to present to the host.
	Client []KeyPair
	// SkipVerify, where true, leaves the host's certificate unverified; the scheme stays https. Where
	// set at all, a host with an http URL is tried by https first (1.7 and 2; not on port 80).
	SkipVerify *bool
	// Header is sent with every request to this host. It holds secrets; see [Header].
	Header Header
	// OverridePath says that the path of the URL is the root of the API as it stands. Otherwise "/v2"
	// is appended to it.
	OverridePath bool
	// DialTimeout is how long to wait for a connection. Zero means absent: 30 seconds.
	DialTimeout time.Duration
	// Rewrites are regular expressions on the repository, with what replaces each match: "$1" is the
	// first group. Only the containerd of k3s and RKE2 reads them, in no order.
	Rewrites map[string]string
	// Unknown are the keys and tables that no containerd reads, each with its value as TOML on one
	// line. The values are kept as secrets: a misspelt header may hold one.
	Unknown map[string]Secret
}

// A KeyPair names the files of a client certificate.
type KeyPair struct {
	Cert string // the certificate
	Key  string // its private key; empty where it stands in the same file
}

// A Capability is something that a host may be asked for.
type Capability string

const (
	// CapabilityPull fetches manifests and blobs by digest.
	CapabilityPull Capability = "pull"
	// CapabilityResolve turns a tag into a digest; a host needs CapabilityPull beside it.
	CapabilityResolve Capability = "resolve"
	// CapabilityPush uploads.
	CapabilityPush Capability = "push"
	// CapabilityReferrers lists what refers to a digest. containerd knows it from version 2.2 on;
	// older ones ignore a file that names it.
	CapabilityReferrers Capability = "referrers"
)
