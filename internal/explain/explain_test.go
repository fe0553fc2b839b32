package explain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// tables returns those of one entry for tags and digests.
func tables(t testing.TB, policy mirrorset.MirrorSourcePolicy) (*resolve.LinuxTable, *resolve.ContainerdTable) {
	entry := []mirrorset.ImageMirrors{{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"}, MirrorSourcePolicy: policy}}
	set := &mirrorset.Set{
		ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "t"},
			Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: entry}}},
		ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "d"},
			Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: entry}}},
	}
	rules, err := set.Rules()
	require.NoError(t, err)
	return resolve.NewLinuxTable(rules), resolve.NewContainerdTable(rules)
}

// told writes an explanation in a few words.
func told(e *Explanation) string {
	var b strings.Builder
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "%s %s", a.Location, a.Asked)
		if a.Resolving {
			b.WriteString(" (tag)")
		}
		if a.Answer.Class != "" {
			fmt.Fprintf(&b, " %s %d", a.Answer.Class, a.Told)
		}
		b.WriteString("\n")
	}
	for _, o := range e.Others {
		fmt.Fprintf(&b, "other %s %d %s\n", o.Location, o.Line, o.Answer.Class)
	}
	if e.Contacted+e.Blocked > 0 {
		fmt.Fprintf(&b, "contacted %d blocked %d\n", e.Contacted, e.Blocked)
	}
	if e.Differs != nil {
		fmt.Fprintf(&b, "differs %d: %s\n", e.Differs.Line, e.Differs.What)
	}
	return b.String()
}

func trying(reference string) string { return `Trying to access "` + reference + "\"\n" }

func failed(reference, said string) string {
	return `Accessing "` + reference + `" failed: ` + said + "\n"
}

const (
	unknown  = "reading manifest 1 in x: manifest unknown"
	isDenied = "reading manifest 1 in x: denied: no"
	isStuck  = `registry quay.io/a is blocked in one of ["/etc/containers/registries.conf"]`
)

func TestWhatALogOfLinuxSays(t *testing.T) {
	allow, _ := tables(t, mirrorset.AllowContactingSource)
	never, _ := tables(t, mirrorset.NeverContactSource)
	for _, test := range []struct {
		name  string
		table *resolve.LinuxTable
		log   string
		want  string
	}{
		{"as planned", allow, trying("m.io/a:1") + failed("m.io/a:1", unknown) + trying("n.io/a:1") + "GET https://n.io/v2/a/blobs/sha256:0\n",
			"m.io/a yes not found 2\nn.io/a yes served 3\nquay.io/a no\n"},
		{"at level info", allow, "Pulling image: quay.io/a:1\n" + trying("m.io/a:1") + trying("n.io/a:1") + "Pulled image: 0123\n",
			"m.io/a yes\nn.io/a yes served 3\nquay.io/a no\n"},
		{"one is passed over", allow, trying("m.io/a:1") + failed("m.io/a:1", unknown) + trying("quay.io/a:1"),
			"m.io/a yes not found 2\nn.io/a not shown\nquay.io/a yes\ndiffers 3: quay.io/a is asked, and n.io/a before it was not\n"},
		{"one that is not planned", allow, trying("o.io/a:1") + failed("o.io/a:1", isDenied) + trying("m.io/a:1"),
			"m.io/a yes\nn.io/a not shown\nquay.io/a not shown\nother o.io/a 1 denied\ndiffers 1: o.io/a is asked, which no entry of these " +
				"objects names for this image\n"},
		{"no mirror", allow, "Error: initializing source docker://quay.io/a:1: reading manifest 1 in quay.io/a: manifest unknown\n",
			"m.io/a not shown\nn.io/a not shown\nquay.io/a yes not found 1\ndiffers 1: quay.io/a is the only location that was tried: " +
				"with mirrors the error lists them\n"},
		{"no mirror, and blocked", never, "Error: initializing source docker://quay.io/a:1: " + isStuck + "\n",
			"m.io/a not shown\nn.io/a not shown\ncontacted 0 blocked 1\ndiffers 1: quay.io/a is the only location that was tried: " +
				"with mirrors the error lists them\n"},
		{"no mirror, in two lines", allow, "Error: initializing source docker://quay.io/a:1: reading manifest 1 in quay.io/a: manifest unknown\n" +
			"Error: initializing source docker://quay.io/a:1: reading manifest 1 in quay.io/a: manifest unknown\n",
			"m.io/a not shown\nn.io/a not shown\nquay.io/a yes not found 1\ndiffers 1: quay.io/a is the only location that was tried: " +
				"with mirrors the error lists them\n"},
		{"rejected", allow, "Error: Source image rejected: Running image docker://quay.io/a:1 is rejected by policy.\n",
			"m.io/a not shown\nn.io/a not shown\nquay.io/a not shown\ndiffers 1: policy.json of the node rejects the image, and that of " +
				"the input takes it\n"},
		{"blocked as planned", never, trying("m.io/a:1") + trying("n.io/a:1") + trying("quay.io/a:1") + failed("quay.io/a:1", isStuck),
			"m.io/a yes\nn.io/a yes\ncontacted 0 blocked 4\n"},
		{"trying proves nothing", never, trying("m.io/a:1") + trying("n.io/a:1") + trying("quay.io/a:1"), "m.io/a yes\nn.io/a yes\n"},
		{"contacted", never, trying("m.io/a:1") + trying("n.io/a:1") + trying("quay.io/a:1") + failed("quay.io/a:1", isDenied),
			"m.io/a yes\nn.io/a yes\nother quay.io/a 4 denied\ncontacted 4 blocked 0\ndiffers 4: the source quay.io/a is asked, which " +
				"may not be contacted\n"},
		{"blocked against the plan", allow, trying("m.io/a:1") + trying("n.io/a:1") + trying("quay.io/a:1") + failed("quay.io/a:1", isStuck),
			"m.io/a yes\nn.io/a yes\nquay.io/a yes blocked 4\ndiffers 4: the client finds quay.io/a blocked, which these objects leave open\n"},
		{"a layer elsewhere", allow, trying("m.io/a:1") + `Blob sha256:0 fetch from "m.io/a:1" failed (fetching blob: blob unknown), trying fallback sources` +
			"\n" + trying("n.io/a:1"),
			"m.io/a yes not found 2\nn.io/a yes\nquay.io/a not shown\ndiffers 3: a layer is asked of n.io/a behind m.io/a\n"},
		{"an artifact", allow, trying("m.io/a:1") + "Falling back to pull quay.io/a:1 as an OCI artifact: reading manifest 1 in m.io/a: denied: x\n" +
			trying("o.io/a:1"), "m.io/a yes denied 2\nn.io/a not shown\nquay.io/a not shown\n"},
	} {
		plan, err := test.table.Plan("quay.io/a:1")
		require.NoError(t, err)
		require.Equal(t, test.want, told(Of(clientlog.Read([]byte(test.log)).Events, plan)), test.name)
	}
}

func TestWhatALogOfContainerdSays(t *testing.T) {
	_, allow := tables(t, mirrorset.AllowContactingSource)
	_, never := tables(t, mirrorset.NeverContactSource)
	head := func(host, said string) string {
		ns := "?ns=quay.io"
		if host == "quay.io" {
			ns = ""
		}
		return fmt.Sprintf("time=\"2026-11-29T20:39:52Z\" level=info msg=\"trying next host after status: %s\" host=%s method=HEAD "+
			"url=\"https://%s/v2/a/manifests/1%s\"\n", said, host, host, ns)
	}
	const ignored = `time="2026-11-29T20:39:52Z" level=error msg="failed to decode /etc/containerd/certs.d/quay.io/hosts.toml" error="x"` + "\n"
	for _, test := range []struct {
		name  string
		table *resolve.ContainerdTable
		log   string
		want  string
	}{
		{"as planned", allow, head("m.io", "404 Not Found") + head("n.io", "403 Forbidden") + head("quay.io", "500 Internal Server Error"),
			"m.io/a yes (tag) not found 1\nn.io/a yes (tag) denied 2\nquay.io/a yes (tag) server error 3\nm.io/a no\nn.io/a no\nquay.io/a no\n"},
		{"hosts alone", allow, `level=info msg="trying next host - response was http.StatusNotFound" host=n.io`,
			"m.io/a not shown (tag)\nn.io/a yes (tag) not found 1\nquay.io/a not shown (tag)\nm.io/a not shown\nn.io/a not shown\nquay.io/a not shown\n"},
		{"contacted", never, head("quay.io", "404 Not Found"),
			"m.io/a not shown (tag)\nn.io/a not shown (tag)\nm.io/a not shown\nn.io/a not shown\nother quay.io/a 1 not found\ncontacted 1 blocked 0\n" +
				"differs 1: the source quay.io/a is asked, which may not be contacted\n"},
		{"a file that is ignored", never, ignored + head("quay.io", "404 Not Found"),
			"m.io/a not shown (tag)\nn.io/a not shown (tag)\nm.io/a not shown\nn.io/a not shown\nother quay.io/a 2 not found\ncontacted 2 blocked 0\n" +
				"differs 1: containerd ignores the hosts.toml of quay.io, and asks the registry itself\n"},
	} {
		plan, err := test.table.Plan("quay.io/a:1")
		require.NoError(t, err)
		require.Equal(t, test.want, told(Of(clientlog.Read([]byte(test.log)).Events, plan)), test.name)
	}
}

// Pulls that a journal mixes are told apart by their tags, and one without a name by its locations.
func TestALogIsCutIntoPulls(t *testing.T) {
	log := clientlog.Read([]byte("Pulling image: quay.io/a:1\nPulling image: quay.io/a:2\n" + trying("m.io/a:1") + trying("m.io/a:2") +
		failed("m.io/a:1", unknown) + "Failed to pull image \"quay.io/a:1\": x\nBack-off pulling image \"busybox\"\n"))
	pulls := Pulls(log)
	require.Len(t, pulls, 3)
	lines := func(p *Pull) (all []int) {
		for _, e := range p.Events {
			all = append(all, e.Line)
		}
		return all
	}
	require.Equal(t, []int{1, 3, 5, 6}, lines(pulls[0]))
	require.Equal(t, []int{2, 4}, lines(pulls[1]))
	require.Equal(t, []int{7}, lines(pulls[2]))
	require.Empty(t, pulls[2].Client)
	require.True(t, SameImage("busybox", "docker.io/library/busybox:latest"))

	linux, windows := tables(t, mirrorset.AllowContactingSource)
	p := Pulls(clientlog.Read([]byte(trying("m.io/a:1") + trying("quay.io/a:1"))))[0]
	require.Equal(t, "quay.io/a:1", p.Guess(linux.Plan))
	p = Pulls(clientlog.Read([]byte(`level=debug msg="do request" url="https://m.io/v2/x/a/manifests/1?ns=quay.io"` + "\n" +
		`level=debug msg="do request" url="https://m.io/v2/a/manifests/1?ns=quay.io"`)))[0]
	require.Equal(t, []string{"quay.io/a:1", "quay.io/x/a:1"}, p.Guesses)
	require.Equal(t, "quay.io/a:1", p.Guess(windows.Plan))
	p = Pulls(clientlog.Read([]byte(trying("o.io/a:1") + trying("p.io/a:1"))))[0]
	require.Empty(t, p.Guess(linux.Plan))
}

// Whatever a log holds, each attempt of the plan is told once, and a difference is in a line that there is.
func FuzzOf(f *testing.F) {
	linux, windows := tables(f, mirrorset.NeverContactSource)
	f.Add(trying("m.io/a:1") + failed("quay.io/a:1", isDenied))
	f.Add(`level=debug msg="do request" url="https://m.io/v2/x/a/manifests/1?ns=quay.io"`)
	f.Fuzz(func(t *testing.T, text string) {
		log := clientlog.Read([]byte(text))
		events := 0
		for _, p := range Pulls(log) {
			events += len(p.Events)
			for _, planOf := range []func(string) (resolve.Plan, error){linux.Plan, windows.Plan} {
				p.Guess(planOf)
				plan, err := planOf("quay.io/a:1")
				require.NoError(t, err)
				e := Of(p.Events, plan)
				require.Len(t, e.Attempts, len(plan.Resolve)+len(plan.Pull))
				if e.Differs != nil {
					require.Positive(t, e.Differs.Line)
				}
			}
		}
		require.Equal(t, len(log.Events), events)
	})
}
