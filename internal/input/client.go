package input

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Client is the program that reads a node's files. The zero value is the newest of the platform:
// CRI-O on Linux.
type Client struct {
	Name    string // crio, podman, skopeo, containerd or k3s
	Version string // as given; empty is the newest
}

// ClientNames are the names that a Client may have.
var ClientNames = []string{"crio", "podman", "skopeo", "containerd", "k3s"}

// ParseClient reads NAME or NAME@VERSION.
func ParseClient(s string) (Client, error) {
	c := Client{}
	c.Name, c.Version, _ = strings.Cut(s, "@")
	if !slices.Contains(ClientNames, c.Name) {
		return Client{}, errors.New("is to be crio, podman, skopeo, containerd or k3s, with @VERSION " +
			"behind it if need be")
	}
	if c.Name == "containerd" && c.Version != "" {
		if _, err := hoststoml.ParseVersion(c.Version); err != nil {
			return Client{}, err
		}
	} else if c.Version != "" || strings.HasSuffix(s, "@") {
		if _, err := c.numbers(); err != nil {
			return Client{}, errors.New("has a version that is none: write NAME@1.2.3")
		}
	}
	return c, nil
}

// On reports whether the client runs on a platform.
func (c Client) On(platform finding.Platform) bool {
	switch c.Name {
	case "":
		return true
	case "containerd", "k3s":
		return platform.ReadsHosts()
	}
	return platform == finding.Linux
}

// String returns the client as findings name it.
func (c Client) String() string {
	name := map[string]string{"": "CRI-O", "crio": "CRI-O"}[c.Name]
	if name == "" {
		name = c.Name
	}
	if c.Version != "" {
		name += " " + c.Version
	}
	return name
}

// newestKnown are the newest versions that were read or run here.
var newestKnown = map[string][2]int{"containerd": {2, 4}, "crio": {1, 37}}

// Beyond returns the version that answers are for in place of a newer one, and false where the client
// has none that is newer.
func (c Client) Beyond() (known string, newer bool) {
	v, _ := c.numbers()
	newest, ok := newestKnown[c.Name]
	return fmt.Sprintf("%d.%d", newest[0], newest[1]), ok && slices.Compare(v[:], newest[:]) > 0
}

// searchesAll reports whether the client looks for its files as containers-image 5.42 does, in all
// directories of the machine. CRI-O up to 1.37 has 5.38, as podman 5 has; podman 6 and the skopeo
// of its time have 5.42.
func (c Client) searchesAll() bool {
	if c.Name != "podman" && c.Name != "skopeo" {
		return false
	}
	if c.Version == "" {
		return true
	}
	v, _ := c.numbers()
	if c.Name == "podman" {
		return v[0] >= 6
	}
	return v[0] > 1 || v[0] == 1 && v[1] >= 23
}

// Pulls returns what the client pulls with on a platform, in the version that it has.
func (c Client) Pulls(platform finding.Platform) resolve.Client {
	v, _ := c.numbers()
	switch {
	case platform != finding.Linux && c.Name == "containerd" && v[0] == 1:
		return resolve.Containerd1
	case platform != finding.Linux:
		return resolve.Containerd2 // k3s has a version of its own; both containerds go on alike
	case c.searchesAll():
		return resolve.ContainersImage542
	}
	return resolve.ContainersImage538
}

// containerd returns the version that reads hosts.toml; k3s and RKE2 have one of their own, taken for
// the newest.
func (c Client) containerd() hoststoml.Version {
	if c.Name != "containerd" || c.Version == "" {
		return hoststoml.Version{}
	}
	v, _ := hoststoml.ParseVersion(c.Version) // it was looked at
	return v
}

func (c Client) numbers() ([2]int, error) {
	var v [2]int
	for i, part := range strings.SplitN(strings.TrimPrefix(c.Version, "v"), ".", 3) {
		if i == 2 {
			break
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return v, fmt.Errorf("%q is no version", c.Version)
		}
		v[i] = n
	}
	return v, nil
}
