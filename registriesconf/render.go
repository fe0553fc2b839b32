package registriesconf

import (
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// RenderOptions say what [Render] starts from. The zero value is right for a cluster.
type RenderOptions struct {
	// Base is the registries.conf to edit. Nil stands for [Default], the one that MCO starts from.
	Base *Config
	// BaseName is what the origins of plans and findings call it.
	BaseName string
	// ReleaseImage is the image of the release payload, where the ClusterVersion does not stand among
	// the objects that the rules were made of; it replaces what that says. MCO keeps its repository
	// usable, whatever is blocked (see [policyjson.Render]).
	ReleaseImage string
}

// Files are what a Linux node reads from /etc/containers, and CRI-O from /etc/crio/policies.
type Files struct {
	// Config is registries.conf.
	Config *Config
	// Search is the drop-in that replaces the search registries, [SearchDropIn]. It is nil where
	// the rules name none; a node then is to have no such file.
	Search *Config
	// Policies are policy.json, the file of registries.d, and the policies of namespaces. They are
	// empty where nothing asks for them; a node then takes every image, or what a file of another
	// hand says.
	Policies policyjson.Files

	refused error // why they are not to be written; see [Render]
}

// Effective returns the one file that the client makes of them.
func (f Files) Effective() *Config {
	if f.Search == nil {
		return f.Config
	}
	return f.Config.Overlay(f.Search)
}

// Render returns every file that rules ask for on a Linux node, the table that says what the node
// does with them, and what is worth knowing of them; the findings of the rules themselves are not
// repeated. Nil rules ask for nothing.
//
// Where the files would be refused by their client, or MCO would end in an error and write none,
// the findings say so: Err of them is then a *finding.RefusedError, and the files are not to be
// written: Diff, Apply and Write return that error and do nothing. Only a Base, blocked and allowed
// registries, a release image and image policies can bring that about.
func Render(rules *mirrorset.Rules, o RenderOptions) (Files, *resolve.LinuxTable, finding.Findings) {
	base := o.Base
	if base == nil {
		base = Default()
	}
	before := base.Table(o.BaseName)
	policies, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: o.ReleaseImage, Base: before})
	if rules != nil && findings.Err() == nil {
		excepted := *rules
		excepted.Blocked = policies.Blocked
		rules = &excepted
	}
	table := before.Edit(rules)
	files := Files{Config: fromTable(base, table), Policies: policies}
	if hosts, override := table.SearchRegistries(); override {
		files.Search = &Config{UnqualifiedSearchRegistries: hosts}
	}
	findings = append(findings, table.Findings...)
	for _, f := range files.Config.Validate() {
		if f.Refused() {
			f.Message = "the result would be refused by its client: " + f.Message
			findings = append(findings, f)
		}
	}
	findings = findings.Sort()
	files.refused = findings.Err()
	return files, table, findings
}
