package registriesconf_test

import (
	"fmt"
	"os"

	"github.com/pullroute/pullroute/registriesconf"
)

func ExampleParse() {
	file := `
[[registry]]
location = "quay.io"
blocked = true

[[registry.mirror]]
location = "mirror.example.com/quay"
pull-from-mirror = "digest-only"
`
	c, findings := registriesconf.Parse("registries.conf", []byte(file))
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range c.Registries {
		fmt.Println(r.Scope(), "blocked:", r.Blocked)
		for _, m := range r.Mirrors {
			fmt.Println("  mirror", m.Location, m.PullFromMirror)
		}
	}
	// Output:
	// quay.io blocked: true
	//   mirror mirror.example.com/quay digest-only
}

func ExampleParse_refused() {
	file := `[[registry]]
location = "https://quay.io"

[[registry.mirrors]]
location = "mirror.example.com/quay"
`
	_, findings := registriesconf.Parse("registries.conf", []byte(file))
	for _, f := range findings {
		fmt.Println(f)
	}
	// Output:
	// error: registries.conf registry[0].location: "https://quay.io": has a scheme; the client refuses the file and pulls nothing until it is mended: write host[:port][/path], and insecure = true for plain HTTP [invalid-file, linux, refused by the client] (registries.conf:2)
	// warning: registries.conf registry[0].mirrors: is not a setting of [[registry]]; the client ignores it: remove it, or correct its name [ignored-setting, linux] (registries.conf:4)
}

func ExampleConfig_Bytes() {
	c := registriesconf.Config{
		UnqualifiedSearchRegistries: []string{"registry.access.redhat.com", "docker.io"},
		Registries: []registriesconf.Registry{{
			Location: "quay.io",
			Blocked:  true,
			Mirrors: []registriesconf.Mirror{{
				Location:       "mirror.example.com/quay",
				PullFromMirror: registriesconf.PullDigestOnly,
			}},
		}},
	}
	os.Stdout.Write(c.Bytes())
	// Output:
	// unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
	// short-name-mode = ""
	//
	// [[registry]]
	//   prefix = ""
	//   location = "quay.io"
	//   blocked = true
	//
	//   [[registry.mirror]]
	//     location = "mirror.example.com/quay"
	//     pull-from-mirror = "digest-only"
}

func ExampleConfig_Validate() {
	c := registriesconf.Config{Registries: []registriesconf.Registry{{Prefix: "*.example.com:5000"}}}
	fmt.Println(c.Validate().Err())
	// Output:
	// error: registry[0].prefix: "*.example.com:5000": is a wildcard with a port or a path; the client refuses the file and pulls nothing until it is mended: write *.host [invalid-file, linux, refused by the client]
}

func ExampleConfig_Overlay() {
	main := registriesconf.Config{UnqualifiedSearchRegistries: []string{"docker.io"}, ShortNameMode: "enforcing"}
	dropIn := registriesconf.Config{UnqualifiedSearchRegistries: []string{"registry.example.com"}}
	os.Stdout.Write(main.Overlay(&dropIn).Bytes())
	// Output:
	// unqualified-search-registries = ["registry.example.com"]
	// short-name-mode = "enforcing"
}

func ExampleRegistry_Scope() {
	fmt.Println(registriesconf.Registry{Location: "quay.io"}.Scope())
	fmt.Println(registriesconf.Registry{Prefix: "quay.io/team", Location: "registry.example.com"}.Scope())
	// Output:
	// quay.io
	// quay.io/team
}

// A registry with digest-only mirrors, as an ImageDigestMirrorSet makes, is taken over in passing; the
// mirror for tags is not.
func ExampleImpact() {
	old := registriesconf.Default()
	new := registriesconf.Default()
	new.Registries = []registriesconf.Registry{{
		Location: "quay.io/team",
		Mirrors:  []registriesconf.Mirror{{Location: "mirror.corp/team", PullFromMirror: registriesconf.PullDigestOnly}},
	}}
	fmt.Println(registriesconf.Impact(old, new))

	newer := registriesconf.Default()
	newer.Registries = []registriesconf.Registry{{
		Location: "quay.io/team",
		Mirrors: []registriesconf.Mirror{
			{Location: "mirror.corp/team", PullFromMirror: registriesconf.PullDigestOnly},
			{Location: "tags.corp/team", PullFromMirror: registriesconf.PullTagOnly},
		},
	}}
	fmt.Println(registriesconf.Impact(new, newer))
	// Output:
	// no drain: CRI-O reloads its configuration, pods keep running
	// drain: MCO drains each node in turn, then CRI-O reloads its configuration; no reboot
	//   registry[0].mirror[1]: "tags.corp/team": is a new mirror of quay.io/team and not digest-only (tag-only); make it so (an ImageDigestMirrorSet) where that is enough, or plan the drain [mirror-added]
}

// The drop-in with the cluster's search registries costs more than registries.conf does.
func ExampleNodeImpact_WithDropIn() {
	same := registriesconf.Default()
	searched := &registriesconf.Config{UnqualifiedSearchRegistries: []string{"registry.corp"}}
	impact := registriesconf.Impact(same, same).WithDropIn(registriesconf.SearchDropIn, nil, searched)
	fmt.Println(impact.Verdict())
	for _, r := range impact.Reasons {
		fmt.Println(r.Code, r.File, "->", r.New)
	}
	// Output:
	// drain and reboot: MCO drains each node in turn and reboots it
	// drop-in-changed registries.conf.d/01-image-searchRegistries.conf -> registry.corp
}
