package resolve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// A part holds manifests, a line "====", and images; behind a second such line stand hosts that get files of their own.
// It is answered with the tables and plans of every platform, and those of the operators.
func TestRulesBecomeTheseTablesAndPlans(t *testing.T) {
	scenario.Answers(t, "testdata/rules.txtar", func(t *testing.T, name, text string) string {
		parts := strings.Split(text, "====\n")
		set, err := mirrorset.Decode("m.yaml", strings.NewReader(parts[0]))
		require.NoError(t, err)
		rules, _ := set.Rules()
		var hosts []string
		if len(parts) > 2 {
			hosts = strings.Fields(parts[2])
		}
		linux, windows := resolve.NewLinuxTable(rules), resolve.NewContainerdTable(rules, hosts...)
		anywhere := resolve.NewContainerdTableFor(rules, resolve.ContainerdOptions{Platform: finding.Containerd, Named: hosts})
		var b strings.Builder
		entries(&b, "linux", linux)
		registries(&b, "windows", windows)
		if strings.Contains(name, "spelling") { // which containerd tells apart on Linux
			registries(&b, "containerd", anywhere)
		}
		mco, wmco := resolve.MCO(rules), resolve.WMCO(rules)
		if f, fails := mco.Fails(); fails {
			fmt.Fprintln(&b, f)
		} else {
			entries(&b, "mco", mco.Linux)
		}
		registries(&b, "wmco", wmco.Containerd)
		for _, image := range strings.Fields(parts[1]) {
			answerPlans(&b, t, image, linux, windows, mco, wmco)
		}
		return short(b.String())
	})
}

// A part holds the registries.conf or, in its name, the hosts.toml of a host, a line "====", and images.
func TestFilesOfNodesBecomeThesePlans(t *testing.T) {
	scenario.Answers(t, "testdata/files.txtar", func(t *testing.T, name, text string) string {
		file, images, _ := strings.Cut(text, "====\n")
		var linux *resolve.LinuxTable
		var containerd *resolve.ContainerdTable
		if strings.HasPrefix(name, "hosts.toml") {
			tree := hoststoml.Tree{}
			for _, one := range strings.Split(file, "== ")[1:] {
				host, content, _ := strings.Cut(one, "\n")
				parsed, _ := hoststoml.Parse("hosts.toml", []byte(content))
				tree = append(tree, hoststoml.RegistryFile{Host: host, File: parsed})
			}
			containerd = tree.Table("dir")
			if strings.Contains(name, "k3s") {
				containerd = tree.K3sTable("dir")
			}
		} else {
			config, findings := registriesconf.Parse("registries.conf", []byte(file))
			require.NoError(t, findings.Err())
			linux = config.Table("registries.conf")
		}
		var b strings.Builder
		for _, image := range strings.Fields(images) {
			answerPlans(&b, t, image, linux, containerd, resolve.Operator{}, resolve.Operator{})
		}
		return short(b.String())
	})
}

func answerPlans(b *strings.Builder, t *testing.T, image string, linux *resolve.LinuxTable, containerd *resolve.ContainerdTable, mco, wmco resolve.Operator) {
	fmt.Fprintln(b, "== "+image)
	one := func(plan resolve.Plan, err error, newer resolve.Client, operator resolve.Operator) {
		if err != nil {
			fmt.Fprintln(b, err)
			return
		}
		list := func(what string, attempts []resolve.Attempt) {
			for _, a := range attempts {
				fmt.Fprintf(b, "  %s %s %s %s", what, a.Role, a.Scheme, a.Location)
				if a.URL != "" {
					fmt.Fprint(b, " "+a.Reference+" "+a.URL)
				}
				if a.ThenHTTP {
					fmt.Fprint(b, " then http")
				}
				if a.Insecure {
					fmt.Fprint(b, " insecure")
				}
				fmt.Fprintln(b, " ("+origins(a.Origins)+")")
			}
		}
		list("resolve", plan.Resolve)
		list("pull", plan.Pull)
		for _, f := range plan.Findings {
			fmt.Fprintln(b, " ", f)
		}
		fmt.Fprintf(b, "  %s %q %q\n", plan.Platform, plan.References, plan.Scopes)
		for i := range plan.References {
			if len(plan.References) > 1 {
				fmt.Fprintf(b, "  %d has %d of them\n", i, len(plan.For(i)))
			}
		}
		if f, differs := operator.Check(plan); differs {
			fmt.Fprintln(b, " ", f)
		}
		plan.Client = newer
		fmt.Fprint(b, "  after")
		for i := range plan.Pull {
			fmt.Fprintf(b, " %s|%s", plan.After(i, resolve.ManifestNotFound), plan.After(i, resolve.BlobBroken))
		}
		fmt.Fprintln(b)
	}
	if linux != nil {
		plan, err := linux.Plan(image)
		one(plan, err, resolve.ContainersImage542, mco)
	}
	if containerd != nil {
		plan, err := containerd.Plan(image)
		one(plan, err, resolve.Containerd1, wmco)
	}
	copies, err := resolve.Copies(linux, containerd, image)
	if err != nil {
		fmt.Fprintln(b, "  copies:", err)
	}
	for _, c := range copies {
		fmt.Fprintln(b, "  copy", oneLine(t, c))
	}
}

// short shortens digests.
func short(text string) string { return strings.ReplaceAll(text, strings.Repeat("0", 64), "0") }

// oneLine is JSON without the escapes of HTML.
func oneLine(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(v))
	return strings.TrimSpace(b.String())
}

func origins(origins []finding.Origin) string {
	fields := make([]string, len(origins))
	for i, o := range origins {
		fields[i] = o.Field
	}
	return strings.Join(fields, " ")
}

func entries(b *strings.Builder, name string, table *resolve.LinuxTable) {
	for _, f := range table.Findings {
		fmt.Fprintln(b, f)
		if f.Related != (finding.Origin{}) {
			fmt.Fprintln(b, "  related", f.Related)
		}
	}
	for _, e := range table.Entries() {
		fmt.Fprintf(b, "%s %s at %q blocked=%t insecure=%t digests=%t (%s)\n", name, e.Prefix, e.Location, e.Blocked, e.Insecure, e.MirrorByDigestOnly, origins(e.Origins))
		for _, m := range e.Mirrors {
			fmt.Fprintf(b, "  %s by %q insecure=%t (%s)\n", m.Location, m.Pull, m.Insecure, origins(m.Origins))
		}
	}
	hosts, override := table.SearchRegistries()
	fmt.Fprintf(b, "%s searches %q override=%t\n", name, hosts, override)
}

func registries(b *strings.Builder, name string, table *resolve.ContainerdTable) {
	for _, f := range table.Findings {
		fmt.Fprintln(b, f)
		if f.Related != (finding.Origin{}) {
			fmt.Fprintln(b, "  related", f.Related)
		}
	}
	for _, r := range table.Registries() {
		fmt.Fprintf(b, "%s %s %q never=%t (%s)\n", name, r.Host, r.Spellings, r.Never, origins(r.Origins))
		for _, e := range append(r.Endpoints, *r.Server) {
			fmt.Fprintf(b, "  %s://%s%s can %d skip=%t (%s)\n", e.Scheme, e.Host, e.Root, e.Capabilities, e.SkipVerify, origins(e.Origins))
		}
	}
}

func TestAPlanInJSONHoldsWhatItsClientSends(t *testing.T) {
	from := func(fields ...string) (list []finding.Origin) {
		for _, f := range fields {
			list = append(list, finding.Origin{Object: "O/a", Field: f, File: "f", Line: 3})
		}
		return list
	}
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "quay.io", Location: "quay.io",
		Mirrors: []resolve.LinuxMirror{{Location: "m.io", NamespaceProxy: "ns.io", Origins: from("a", "b")}}}}})
	plan, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	for client, want := range map[resolve.Client]string{
		"":                         `[{"location":"m.io/a","role":"mirror","scheme":"https","origin":"O/a a","origins":["O/a a","O/a b"],"place":"f:3"},{"location":"quay.io/a","role":"source","scheme":"https"}]`,
		resolve.ContainersImage542: `[{"location":"m.io/a","role":"mirror","scheme":"https","namespace":"ns.io","origin":"O/a a","origins":["O/a a","O/a b"],"place":"f:3"},{"location":"quay.io/a","role":"source","scheme":"https"}]`,
	} {
		plan.Client = client
		var out struct{ Pull json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(oneLine(t, plan)), &out))
		require.Equal(t, want, string(out.Pull))
	}
	require.Equal(t, "ns.io", plan.Pull[0].Namespace, "the plan itself stays")
	require.Len(t, plan.For(0), 2)
	for _, i := range []int{-1, 1, 2} {
		require.Nil(t, plan.For(i))
	}
	for i, step := range map[int]resolve.Step{-1: resolve.StepFail, 0: resolve.StepNext, 1: resolve.StepFail, 2: resolve.StepFail} {
		require.Equal(t, step, plan.After(i, resolve.ManifestNotFound), i)
	}
}

// Every key of a plan in JSON, as docs and programs know them.
func TestAPlanInJSONHasTheseKeys(t *testing.T) {
	origin := []finding.Origin{{Object: "O/a", Field: "f"}}
	table := resolve.ContainerdTableOf([]resolve.Registry{{Host: "quay.io", Endpoints: []resolve.Endpoint{
		{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanPull | resolve.CanResolve, Origins: origin},
		{Scheme: "http", Host: "n.io", Root: "/v2", Capabilities: resolve.CanPull, SkipVerify: true},
	}}})
	plan, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	every := `"manifest 404","manifest 401","manifest 403","manifest 429","manifest 5xx","manifest time-out","manifest connection refused",` +
		`"blob 404 BLOB_UNKNOWN","blob 404","blob 401","blob 403","blob 429","blob 5xx","blob time-out","blob connection refused"`
	require.Equal(t, `{"image":"quay.io/a:1","platform":"windows","way":"CRI","resolve":[`+
		`{"location":"m.io/a","role":"mirror","scheme":"https","reference":"m.io/a:1","url":"https://m.io/v2/a/manifests/1?ns=quay.io","origin":"O/a f"},`+
		`{"location":"quay.io/a","role":"source","scheme":"https","reference":"quay.io/a:1","url":"https://quay.io/v2/a/manifests/1"}],`+
		`"pull":[{"location":"m.io/a","role":"mirror","scheme":"https","origin":"O/a f"},`+
		`{"location":"n.io/a","role":"mirror","scheme":"https","thenHTTP":true,"insecure":true},{"location":"quay.io/a","role":"source","scheme":"https"}],`+
		`"movesOn":{"client":"containerd 2","after":[`+every+`]},"findings":[]}`, oneLine(t, plan))

	// What policy.json refuses, and what it asks signatures of.
	refused := resolve.Plan{Image: "quay.io/a:1", Platform: finding.Linux, Outcome: resolve.OutcomeRefused,
		Asked:      []resolve.Attempt{{Location: "quay.io/a", Role: resolve.RoleSource, Scheme: "https"}},
		Signatures: []resolve.Signature{{Reference: "quay.io/a:1", Scope: "quay.io", Types: []string{"signedBy"}}}}
	require.Equal(t, `{"image":"quay.io/a:1","platform":"linux","resolve":[],"pull":[],"outcome":"refused",`+
		`"asked":[{"location":"quay.io/a","role":"source","scheme":"https"}],`+
		`"signatures":[{"reference":"quay.io/a:1","scope":"quay.io","types":["signedBy"],"origin":{}}],"findings":[]}`, oneLine(t, refused))
	require.Len(t, refused.For(0), 0, "there is no reference")
	refused.References = []string{"quay.io/a:1"}
	require.Len(t, refused.For(0), 1)
	for platform, way := range map[finding.Platform]string{finding.Windows: "CRI", finding.Containerd: "CRI", finding.Linux: ""} {
		require.Equal(t, way, resolve.Way(platform))
	}
}

func TestWhichClientsBeginAnew(t *testing.T) {
	for client, anew := range map[resolve.Client]bool{resolve.Containerd1: true, resolve.Containerd2: true, resolve.ContainersImage538: false, resolve.ContainersImage542: false, "": false} {
		require.Equal(t, anew, client.BeginsAnew(), client)
	}
}
