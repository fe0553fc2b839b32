package policyjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil,
		(*policyjson.Policy)(nil), &policyjson.Policy{}, &policyjson.Scopes{}, &policyjson.Requirements{}, &policyjson.Requirement{},
		&policyjson.Fulcio{}, &policyjson.PKI{}, &policyjson.Identity{}, &policyjson.Judgement{}, new(policyjson.Outcome),
		&policyjson.Files{}, &policyjson.File{}, &policyjson.RenderOptions{})
	for _, p := range []*policyjson.Policy{nil, {}} {
		require.Equal(t, "{\n  \"default\": null,\n  \"transports\": null\n}", string(p.Bytes()))
		require.Error(t, p.Validate().Err())
		require.Equal(t, policyjson.Refused, p.JudgeReference(resolve.Reference{}).Outcome)
		j, err := p.Judge("quay.io/a:1")
		require.NoError(t, err)
		require.Equal(t, policyjson.Refused, j.Outcome, "a list without requirements is met by no image")
	}
}

func TestARefusedFileSaysWhichLineAndWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name, file string
		line       int
		says       string
	}{
		{"nothing", "", 1, "is empty"},
		{"a lost bracket", "{\n\"default\": [{\"type\": \"reject\"}", 2, "ends in the middle of a value"},
		{"two objects", "{\"default\": [{\"type\": \"reject\"}]}\n{}", 2, "goes on behind the end of its object"},
		{"a list", "[]", 1, "is a list and has to be an object"},
		{"no default", "{\n\"transports\": {}}", 1, "is missing"},
		{"an empty default", "{\n\"default\": []}", 2, "has no requirements"},
		{"null", "{\n\"default\": null}", 2, "is null and has to be a list"},
		{"an unknown key", "{\"default\": [{\"type\": \"reject\"}],\n\"Transports\": {}}", 2, "default, transports are known here"},
		{"a repeated key", "{\"default\": [{\"type\": \"reject\"}],\n\"default\": [{\"type\": \"reject\"}]}", 2, "stands a second time, after line 1"},
		{"an unknown type", "{\"default\": [\n{\"type\": \"accept\"}]}", 2, "write insecureAcceptAnything, reject"},
		{"a type in other letter case", "{\"default\": [\n{\"type\": \"Reject\"}]}", 2, "is not a type of requirement"},
		{"a key of another type", "{\"default\": [{\"type\": \"reject\",\n\"keyPath\": \"/k\"}]}", 2, "is not a known key"},
		{"a scope of an archive", "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker-archive\": {\n\"a\": [{\"type\": \"reject\"}]}}}", 2, `write ""`},
		{"a long scope of atomic", "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"atomic\": {\n\"quay.io/a/b/c\": [{\"type\": \"reject\"}]}}}", 2, "write it under docker"},
		{"a relative path", "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"dir\": {\n\"a\": [{\"type\": \"reject\"}]}}}", 2, "begin it with a slash"},
		{"a path with a detour", "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"oci\": {\n\"/a/../b\": [{\"type\": \"reject\"}]}}}", 2, "write /b"},
		{"two keys", "{\"default\": [\n{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", \"keyPath\": \"/a\", \"keyData\": \"YQ==\"}]}", 2, "more than one of keyPath, keyPaths and keyData"},
		{"no key", "{\"default\": [\n{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\"}]}", 2, "exactly one of keyPath, keyPaths and keyData"},
		{"no keyType", "{\"default\": [\n{\"type\": \"signedBy\", \"keyPath\": \"/a\"}]}", 2, "write GPGKeys"},
		{"data that is none", "{\"default\": [{\"type\": \"sigstoreSigned\",\n\"keyData\": \"%\"}]}", 2, "is not base64"},
		{"an empty list of keys", "{\"default\": [{\"type\": \"sigstoreSigned\",\n\"keyPaths\": []}]}", 2, "holds no key"},
		{"Fulcio without Rekor", "{\"default\": [\n{\"type\": \"sigstoreSigned\", \"fulcio\": {\"caPath\": \"/c\", \"oidcIssuer\": \"i\", \"subjectEmail\": \"e\"}}]}", 2, "add the key of the Rekor server"},
		{"PKI with Rekor", "{\"default\": [\n{\"type\": \"sigstoreSigned\", \"pki\": {\"caRootsPath\": \"/c\", \"subjectEmail\": \"e\"}, \"rekorPublicKeyPath\": \"/r\"}]}", 2, "goes with none of"},
		{"PKI for nobody", "{\"default\": [{\"type\": \"sigstoreSigned\",\n\"pki\": {\"caRootsPath\": \"/c\"}}]}", 2, "neither subjectEmail nor subjectHostname"},
		{"an exact reference without tag", "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\",\n\"signedIdentity\": {\"type\": \"exactReference\", \"dockerReference\": \"quay.io/a\"}}]}", 2, "neither a tag nor a digest"},
		{"an identity of no type", "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\",\n\"signedIdentity\": {}}]}", 2, "is not a type of identity"},
		{"half a remapping", "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\",\n\"signedIdentity\": {\"type\": \"remapIdentity\", \"prefix\": \"quay.io\"}}]}", 2, "is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy, findings := policyjson.Parse("policy.json", []byte(test.file))
			require.Nil(t, policy)
			require.ErrorIs(t, findings.Err(), finding.CodeInvalidFile)
			require.Contains(t, findings[0].Message, test.says)
			require.Equal(t, test.line, findings[0].Origin.Line, "%v", findings)
			for _, f := range findings {
				require.Equal(t, finding.Client, f.RefusedBy)
				require.Equal(t, "policy.json", f.Origin.File)
				require.Contains(t, f.Message, "takes no image until it is mended: ")
			}
		})
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	_, findings := policyjson.Parse("policy.json", []byte(`{"default": [{"type": "x"}, {"type": "y"}],
"transports": {"dir": {"a": []}}, "more": 1}`))
	require.Len(t, findings, 5, "%v", findings)
}

func TestStorageScopesAreReadAsTheClientDoes(t *testing.T) {
	id := strings.Repeat("a", 64)
	for scope, ok := range map[string]bool{
		"": true, "[/a]": true, "[overlay@/a]": true, "[overlay@/a]quay.io/a": true, "[/a]x@" + id: true, "[/a]x@sha256:" + id: true,
		"/a]x": false, "[/a]x@sha256:" + id + "@sha256:" + id: false, "[/a]x@sha256:" + id + "@" + id + "@" + id: false,
		"[/a]x@sha256:" + id + "@" + id: true,
		"/a":                            false, "[/a": false, "]": false, "[]": false, "[a]": false, "[@/a]": false, "[a@]": false, "[a@b]": false, "[/a]x@y": false,
		"[/a]x@" + id + "@" + id: false,
	} {
		file := `{"default": [{"type": "reject"}], "transports": {"containers-storage": {"` + scope + `": [{"type": "reject"}]}}}`
		_, findings := policyjson.Parse("policy.json", []byte(file))
		require.Equal(t, ok, findings.Err() == nil, scope)
	}
}

func TestAPolicyIsPrintedAsItWasRead(t *testing.T) {
	text := `{
  "default": [
    {
      "type": "reject"
    }
  ],
  "transports": {
    "docker": {
      "*.corp": [
        {
          "type": "insecureAcceptAnything"
        }
      ],
      "quay.io/team": [
        {
          "type": "sigstoreSigned",
          "keyData": "a2V5",
          "rekorPublicKeyPath": "/r",
          "signedIdentity": {
            "type": "remapIdentity",
            "prefix": "quay.io",
            "signedPrefix": "m.io"
          }
        }
      ]
    }
  }
}`
	policy, findings := policyjson.Parse("policy.json", []byte(text))
	require.NoError(t, findings.Err())
	require.Equal(t, text, string(policy.Bytes()))
	require.Empty(t, policy.Validate())
}

func TestValidateRefusesWhatTheFileOfItWouldBeRefusedFor(t *testing.T) {
	for says, r := range map[string]policyjson.Requirement{
		"is not a key of type reject":      {Type: policyjson.Reject, KeyPath: "/k"},
		"is not a type of requirement":     {},
		"exactly one of keyPath, keyPaths": {Type: policyjson.SignedBy, KeyType: "GPGKeys"},
	} {
		p := &policyjson.Policy{Default: policyjson.Requirements{r}}
		require.ErrorContains(t, p.Validate().Err(), says)
		_, findings := policyjson.Parse("policy.json", p.Bytes())
		require.Error(t, findings.Err())
	}

	reject := policyjson.Requirements{{Type: policyjson.Reject}}
	p := &policyjson.Policy{Default: reject, Transports: map[string]policyjson.Scopes{
		"dir": {"a": reject, "/a": reject}, "docker": {"quay.io": {}, "": {{Type: policyjson.Reject, KeyPath: "/k"}}}}}
	_, findings := policyjson.Parse("", p.Bytes())
	for i := range findings {
		findings[i].Origin.Line = 0 // and the rest is as in the file
	}
	require.Len(t, findings, 3)
	for i, f := range p.Validate() {
		require.Equal(t, findings[i].Origin, f.Origin)
		require.Equal(t, findings[i].Value, f.Value)
	}
	require.Len(t, p.Validate(), 3)
}

func TestTheMostSpecificScopeDecidesAlone(t *testing.T) {
	list := func(types ...policyjson.RequirementType) (list policyjson.Requirements) {
		for _, t := range types {
			list = append(list, policyjson.Requirement{Type: t})
		}
		return list
	}
	accept, reject := list(policyjson.Accept), list(policyjson.Reject)
	p := &policyjson.Policy{Default: reject, Transports: map[string]policyjson.Scopes{"docker": {
		"quay.io/a/b:1": accept, "quay.io/a/b": reject, "quay.io/a": accept, "quay.io:443": reject, "*.example.org": accept, "*.org": reject,
		"docker.io/library": accept, "localhost:5000/x": list(policyjson.Accept, policyjson.SignedBy), "localhost:5000/y": list(policyjson.SigstoreSigned, policyjson.Reject),
		"localhost:5000/z": list(policyjson.SignedBaseLayer),
	}}}
	for image, want := range map[string]struct {
		scope   string
		outcome policyjson.Outcome
	}{
		"quay.io/a/b:1":            {"quay.io/a/b:1", policyjson.Accepted},
		"quay.io/a/b:2":            {"quay.io/a/b", policyjson.Refused},
		"quay.io/a/bc:1":           {"quay.io/a", policyjson.Accepted},
		"quay.io/b:1":              {"", policyjson.Refused},
		"quay.io:443/a/b:1":        {"quay.io:443", policyjson.Refused},
		"x.example.org/a":          {"*.example.org", policyjson.Accepted},
		"x.y.example.org:5000/a":   {"*.example.org", policyjson.Accepted},
		"example.org/a":            {"*.org", policyjson.Refused},
		"busybox":                  {"docker.io/library", policyjson.Accepted},
		"localhost:5000/x/image:1": {"localhost:5000/x", policyjson.SignatureRequired},
		"localhost:5000/y/image:1": {"localhost:5000/y", policyjson.Refused},
		"localhost:5000/z/image:1": {"localhost:5000/z", policyjson.Refused},
	} {
		j, err := p.Judge(image)
		require.NoError(t, err)
		require.Equal(t, want.scope, j.Scope, image)
		require.Equal(t, want.outcome, j.Outcome, image)
	}
	p.Transports["docker"][""] = accept
	j, err := p.Judge("n.io/a@sha256:" + strings.Repeat("a", 64))
	require.NoError(t, err)
	require.Equal(t, "docker", j.Transport)
	require.Equal(t, policyjson.Accepted, j.Outcome)
	_, err = p.Judge("quay.io/A")
	require.Error(t, err)
}

func TestAJudgementNamesTheLineOfItsScope(t *testing.T) {
	p, findings := policyjson.Parse("policy.json", []byte("{\n\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker\": {\n\"quay.io\": [{\"type\": \"reject\"}]}}}"))
	require.NoError(t, findings.Err())
	for image, place := range map[string]string{"quay.io/a": "policy.json:3", "m.io/a": "policy.json:2"} {
		j, err := p.Judge(image)
		require.NoError(t, err)
		require.Equal(t, place, j.Origin.Place(), image)
	}
}

func TestARefusedImageIsAskedForAndServedByNobody(t *testing.T) {
	files, findings := policyjson.Render(&mirrorset.Rules{Blocked: scopesOf("blockedRegistries", "quay.io/bad")}, policyjson.RenderOptions{})
	require.NoError(t, findings.Err())
	table := resolve.LinuxTableOf(resolve.LinuxConfig{
		SearchRegistries: []string{"quay.io", "m.io"},
		Entries:          []resolve.LinuxEntry{{Prefix: "quay.io/bad", Location: "quay.io/bad", Blocked: true, Mirrors: []resolve.LinuxMirror{{Location: "m.io/bad"}}}},
	})
	plan, err := table.Plan("quay.io/bad/app:1")
	require.NoError(t, err)
	refused := files.Policy.Apply(plan)
	require.Equal(t, resolve.OutcomeRefused, refused.Outcome)
	require.Empty(t, refused.Pull)
	require.Len(t, refused.Asked, 1)
	require.Equal(t, "m.io/bad/app", refused.Asked[0].Location)
	require.Len(t, refused.Findings, 1)
	require.Equal(t, "Image/cluster spec.registrySources.blockedRegistries[0]", refused.Findings[0].Origin.String())
	require.Len(t, plan.Pull, 1, "the plan that was given stays as it is")

	data, err := json.Marshal(refused)
	require.NoError(t, err)
	require.Contains(t, string(data), `"pull":[],"outcome":"refused","asked":[{"location":"m.io/bad/app"`)

	for _, image := range []string{"quay.io/other:1", "m.io/bad/app:1"} {
		plan, err := table.Plan(image)
		require.NoError(t, err)
		require.Equal(t, plan, files.Policy.Apply(plan), image)
	}
	plan, err = table.Plan("bad/app:1") // quay.io/bad/app or m.io/bad/app
	require.NoError(t, err)
	short := files.Policy.Apply(plan)
	require.Empty(t, short.Outcome)
	require.Equal(t, plan.Pull, short.Pull)
	require.Equal(t, finding.SeverityWarning, short.Findings[0].Severity)
	require.Len(t, short.For(0), 1)
	require.Equal(t, short.For(0)[0].Location, short.For(1)[0].Location)
	require.Equal(t, plan, (*policyjson.Policy)(nil).Apply(plan))

	table = resolve.LinuxTableOf(resolve.LinuxConfig{
		SearchRegistries: []string{"n.io", "quay.io"},
		Entries: []resolve.LinuxEntry{{Prefix: "n.io", Location: "n.io", Blocked: true},
			{Prefix: "quay.io", Location: "quay.io", Blocked: true, Mirrors: []resolve.LinuxMirror{{Location: "m.io"}}}},
	})
	plan, err = table.Plan("bad/app:1") // n.io/bad/app, which nobody may be asked for, or quay.io/bad/app
	require.NoError(t, err)
	short = files.Policy.Apply(plan)
	require.Equal(t, resolve.OutcomeRefused, short.Outcome)
	require.Equal(t, plan.Pull, short.Asked)
	require.Empty(t, short.For(0))
	require.Equal(t, plan.Pull, short.For(1))
}

func TestWithAllowedRegistriesTheSourceHasToBeListed(t *testing.T) {
	files, findings := policyjson.Render(&mirrorset.Rules{Allowed: scopesOf("allowedRegistries", "m.io", "quay.io/listed")}, policyjson.RenderOptions{})
	require.NoError(t, findings.Err())
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "quay.io", Location: "quay.io", Mirrors: []resolve.LinuxMirror{{Location: "m.io"}}},
		{Prefix: "quay.io/listed", Location: "quay.io/listed", Mirrors: []resolve.LinuxMirror{{Location: "unlisted.io"}}},
	}})
	for image, refused := range map[string]bool{"quay.io/a/b:1": true, "quay.io/listed/b:1": false} {
		plan, err := table.Plan(image)
		require.NoError(t, err)
		plan = files.Policy.Apply(plan)
		require.Equal(t, refused, plan.Outcome == resolve.OutcomeRefused, image)
		if refused {
			require.Len(t, plan.Asked, 2)
			require.Equal(t, "Image/cluster spec.registrySources.allowedRegistries", plan.Findings[0].Origin.String())
		}
	}
}

func TestAPlanSaysWhichSignaturesAreAskedForAndByWhichScope(t *testing.T) {
	policy, findings := policyjson.Parse("policy.json", []byte(`{
	"default": [{"type": "insecureAcceptAnything"}],
	"transports": {"docker": {
		"quay.io/team": [{"type": "sigstoreSigned", "keyPath": "/k"}, {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/g"}],
		"quay.io/team/open": [{"type": "insecureAcceptAnything"}]}}}`))
	require.NoError(t, findings.Err())
	table := resolve.NewLinuxTable(nil)
	for image, want := range map[string][]resolve.Signature{
		"quay.io/team/app:1":  {{Reference: "quay.io/team/app:1", Scope: "quay.io/team", Types: []string{"sigstoreSigned", "signedBy"}, Origin: finding.Origin{File: "policy.json", Field: `transports.docker["quay.io/team"]`, Line: 4}}},
		"quay.io/team/open:1": nil,
		"quay.io/other:1":     nil,
	} {
		plan, err := table.Plan(image)
		require.NoError(t, err)
		judged := policy.Apply(plan)
		require.Equal(t, want, judged.Signatures, image)
		require.Equal(t, plan.Pull, judged.Pull)
		require.Empty(t, judged.Outcome)
	}
}

// A Windows node has no policy.json, and where nothing is asked there is nothing to judge.
func TestAPolicyJudgesPullsOfLinuxNodes(t *testing.T) {
	none, findings := policyjson.Parse("policy.json", []byte(`{"default": [{"type": "reject"}]}`))
	require.Empty(t, findings)
	files := policyjson.Files{Policy: &policyjson.Policy{}, Namespaces: map[string]*policyjson.Policy{"ns": none}}
	windows, err := resolve.NewContainerdTable(nil).Plan("quay.io/a:1")
	require.NoError(t, err)
	require.NotEmpty(t, windows.Pull)
	require.Equal(t, windows, none.Apply(windows))
	require.Empty(t, files.ForNamespaces(windows))
	blocked, err := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "quay.io", Location: "quay.io", Blocked: true}}}).Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Equal(t, blocked, none.Apply(blocked))
}

// Who asks about all images at once asks by their names: the scopes of single references are told apart.
func TestAPolicyByNameIsWithoutItsReferences(t *testing.T) {
	named, scopes, left := (*policyjson.Policy)(nil).ByName()
	require.Nil(t, named)
	require.Empty(t, scopes)
	require.Empty(t, left)

	accept, reject := policyjson.Requirements{{Type: policyjson.Accept}}, policyjson.Requirements{{Type: policyjson.Reject}}
	tagged, pinned := "quay.io/a:1", "quay.io/b"+digest
	docker := policyjson.Scopes{"": accept, "quay.io": reject, "quay.io:443": accept, "quay.io:443/c": reject, "*.corp": reject, tagged: reject, pinned: accept}
	p := &policyjson.Policy{Default: reject, Transports: map[string]policyjson.Scopes{"docker": docker, "atomic": {tagged: reject}}}
	named, scopes, left = p.ByName()
	require.Equal(t, []string{"*.corp", "quay.io", "quay.io:443", "quay.io:443/c"}, scopes)
	require.Equal(t, []string{tagged, pinned}, left)
	require.Equal(t, &policyjson.Policy{Default: reject, Transports: map[string]policyjson.Scopes{
		"docker": {"": accept, "quay.io": reject, "quay.io:443": accept, "quay.io:443/c": reject, "*.corp": reject}, "atomic": {tagged: reject}}}, named)
	require.Len(t, docker, 7, "the policy stays as it is")
	require.Len(t, p.Transports["docker"], 7)

	parsed, findings := policyjson.Parse("policy.json", []byte(`{"default": [{"type": "reject"}], "transports": {"docker": {"quay.io": [{"type": "reject"}]}}}`))
	require.NoError(t, findings.Err())
	named, _, _ = parsed.ByName()
	j, err := named.Judge("quay.io/a:1")
	require.NoError(t, err)
	require.Equal(t, `transports.docker["quay.io"]`, j.Origin.Field)
	named, scopes, left = (&policyjson.Policy{Default: reject}).ByName()
	require.Equal(t, &policyjson.Policy{Default: reject}, named)
	require.Empty(t, scopes)
	require.Empty(t, left)
}
