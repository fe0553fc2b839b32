package finding_test

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestOriginsAreOrderedByPlaceAndNumbersAsNumbers(t *testing.T) {
	want := []finding.Origin{
		{}, {Field: "19"}, {Field: "105"}, {Field: "a"}, {Field: "m[2]"}, {Field: "m[02]"}, {Field: "m[10]"}, {Field: "m[10].a"}, {Field: "m[10].a9"}, {Field: "m[10].a10"}, {Field: "m[19]"}, {Field: "m[110]"}, {Field: "mx"},
		{Field: "mx", Wrapper: "w[2]"}, {Field: "mx", Wrapper: "w[10]"},
		{Object: "A/a"}, {Object: "A/a", Field: "b"}, {Object: "B/a"}, {Line: 1}, {Line: 2}, {Line: 10}, {Document: 1}, {Document: 1, Line: 9}, {Document: 2, Line: 1}, {Document: 10},
		{File: "a"}, {File: "a", Line: 3}, {File: "b"},
	}
	for i, a := range want {
		for j, b := range want {
			c := a.Compare(b)
			require.Equal(t, i < j, c < 0, "%q %q", a, b)
			require.Equal(t, i == j, c == 0, "%q %q", a, b)
		}
	}
}

func TestFindingsAreSortedByAllThatTheySay(t *testing.T) {
	base := finding.Finding{Origin: finding.Origin{File: "a"}, Code: "b", Platform: "b", Value: "b", Message: "b", Severity: "b", RefusedBy: "b", Related: finding.Origin{File: "b"}}
	with := func(change func(f *finding.Finding)) finding.Finding {
		f := base
		change(&f)
		return f
	}
	want := finding.Findings{
		base,
		with(func(f *finding.Finding) { f.Related.File = "c" }),
		with(func(f *finding.Finding) { f.RefusedBy, f.Related.File = "c", "a" }),
		with(func(f *finding.Finding) { f.Severity, f.RefusedBy = "c", "a" }),
		with(func(f *finding.Finding) { f.Message, f.Severity = "c", "a" }),
		with(func(f *finding.Finding) { f.Value, f.Message = "c", "a" }),
		with(func(f *finding.Finding) { f.Platform, f.Value = "c", "a" }),
		with(func(f *finding.Finding) { f.Code, f.Platform = "c", "a" }),
		with(func(f *finding.Finding) { f.Origin.File, f.Code = "b", "a" }),
	}
	for range 20 {
		mixed := append(slices.Clone(want), want...)
		rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		require.Equal(t, want, mixed.Sort())
	}
}

func TestAFindingIsToldWithItsPlaceAndWhoRefuses(t *testing.T) {
	at := finding.Origin{Object: "O/o", Field: "a.b", File: "f", Line: 3}
	for want, f := range map[string]finding.Finding{
		`error: O/o a.b: "v": m [c, linux, refused by the API server] (f:3)`: {Code: "c", Severity: "error", Platform: finding.Linux, RefusedBy: finding.APIServer, Origin: at, Value: "v", Message: "m"},
		`error: O/o: m [c, refused by MCO] (f:3)`:                            {Code: "c", Severity: "error", RefusedBy: finding.MCO, Origin: finding.Origin{Object: "O/o", File: "f", Line: 3}, Message: "m"},
		`error: m [c, refused by the client]`:                                {Code: "c", Severity: "error", RefusedBy: finding.Client, Message: "m"},
		`error: m [c]`:                                                       {Code: "c", Severity: "error", RefusedBy: finding.Reader, Message: "m"},
		`error: m [c, refused by the NodePool controller]`:                   {Code: "c", Severity: "error", RefusedBy: finding.NodePool, Message: "m"},
		`error: m [c, refused by the cluster-management API]`:                {Code: "c", Severity: "error", RefusedBy: finding.ClusterService, Message: "m"},
		`info: f: m [c]`:                                                     {Code: "c", Severity: "info", Origin: finding.Origin{File: "f"}, Message: "m"},
		`info: f a: m [c]`:                                                   {Code: "c", Severity: "info", Origin: finding.Origin{File: "f", Field: "a"}, Message: "m"},
		`info: f a: m [c] (f:2 (document 2))`:                                {Code: "c", Severity: "info", Origin: finding.Origin{File: "f", Field: "a", Line: 2, Document: 2}, Message: "m"},
		`info: a: m [c]`:                                                     {Code: "c", Severity: "info", Origin: finding.Origin{Field: "a", Line: 2}, Message: "m"},
		`info: O/o: m [c] (f, in W/w)`:                                       {Code: "c", Severity: "info", Origin: finding.Origin{Object: "O/o", File: "f", Document: 1, Wrapper: "W/w"}, Message: "m"},
	} {
		require.Equal(t, want, f.String())
	}
}

func TestFindingsForAPlatform(t *testing.T) {
	for platform, where := range map[finding.Platform]string{finding.Linux: "on Linux", finding.Windows: "on Windows", finding.Containerd: "with containerd"} {
		require.Equal(t, where, platform.Where())
		require.Equal(t, platform != finding.Linux, platform.ReadsHosts())
	}
	all := finding.Findings{{Code: "a"}, {Code: "b", Platform: finding.Linux}, {Code: "c", Platform: finding.Windows}, {Code: "d", Platform: finding.Containerd}}
	require.Equal(t, finding.Findings{{Code: "a"}, {Code: "b", Platform: finding.Linux}}, all.For(finding.Linux))
	require.Equal(t, finding.Findings{{Code: "a"}, {Code: "c", Platform: finding.Windows}, {Code: "d", Platform: finding.Windows}}, all.For(finding.Windows))
	require.Equal(t, finding.Findings{{Code: "a"}, {Code: "d", Platform: finding.Containerd}}, all.For(finding.Containerd))
}

func TestAnErrorHoldsTheRefusalsAlone(t *testing.T) {
	all := finding.Findings{{Code: "a", Severity: "error"}, {Code: "b", Severity: "error", RefusedBy: finding.MCO, Message: "m"}, {Code: "c", Severity: "error", RefusedBy: finding.MCO, Message: "n"}}
	err := all.Err()
	require.EqualError(t, err, "error: m [b, refused by MCO]\nerror: n [c, refused by MCO]")
	require.ErrorIs(t, err, finding.Code("b"))
	require.ErrorIs(t, err, finding.Code("c"))
	require.NotErrorIs(t, err, finding.Code("a"))
	require.NoError(t, all[:1].Err())
	require.NotErrorIs(t, &finding.RefusedError{Findings: finding.Findings{{}}}, io.EOF)
}
