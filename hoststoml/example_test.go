package hoststoml_test

import (
	"fmt"

	"github.com/pullroute/pullroute/hoststoml"
)

func ExampleParse() {
	file, findings := hoststoml.Parse("quay.io/hosts.toml", []byte(`
server = "https://quay.io"

[host."https://mirror.io/v2/org"]
  capabilities = ["pull", "resolve"]
  override_path = true
  dial_timout = "5s"
`))
	for _, finding := range findings {
		fmt.Println(finding)
	}
	for _, host := range file.Hosts {
		target, err := hoststoml.ParseTarget(host.URL, host.OverridePath)
		fmt.Println(target.Scheme, target.Host, target.Path, host.Capabilities, err)
	}
	// Output:
	// warning: quay.io/hosts.toml host."https://mirror.io/v2/org".dial_timout: no version of containerd reads this [ignored-setting] (quay.io/hosts.toml:7)
	// https mirror.io /v2/org [pull resolve] <nil>
}

func ExampleFile_Bytes() {
	file := hoststoml.File{
		Comment: "Pulls of quay.io go to the mirror first.",
		Server:  "https://quay.io",
		Hosts: []hoststoml.Host{{
			URL: "https://mirror.io/v2/org",
			Settings: hoststoml.Settings{
				Capabilities: []hoststoml.Capability{hoststoml.CapabilityPull},
				OverridePath: true,
			},
		}},
	}
	fmt.Print(string(file.Bytes()))
	// Output:
	// # Pulls of quay.io go to the mirror first.
	//
	// server = "https://quay.io"
	//
	// [host."https://mirror.io/v2/org"]
	//   capabilities = ["pull"]
	//   override_path = true
}

func ExampleFile_Validate() {
	file := hoststoml.File{
		Server: "https://quay.io",
		Hosts:  []hoststoml.Host{{URL: "http://[::1]:5000"}},
	}
	fmt.Println(file.Validate().Err() != nil)
	// Output: true
}

func ExampleDir() {
	fmt.Println(hoststoml.Dir("quay.io"))
	fmt.Println(hoststoml.Dir("registry.example.com:5000"))
	// Output:
	// quay.io
	// registry.example.com_5000_
}

func ExampleHostFromDir() {
	fmt.Println(hoststoml.HostFromDir("registry.example.com_5000_"))
	// Output: registry.example.com:5000 true
}

func ExampleDirs() {
	fmt.Println(hoststoml.Dirs("registry.example.com:5000"))
	// Output: [registry.example.com_5000_ registry.example.com:5000 _default]
}

func ExampleHeader() {
	fmt.Println(hoststoml.Header{"Authorization": hoststoml.Secrets("Basic dXNlcjpwYXNz")})
	// Output: map[Authorization:[[redacted]]]
}
