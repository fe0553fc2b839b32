package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// planOptions say whose plan it is.
type planOptions struct {
	files    []string
	platform string
	client   string
	hosts    []string
}

// A source is what plans are asked of, and what the node knows of the hosts in them.
type source struct {
	platform finding.Platform // linux, windows or containerd
	table    interface {
		Plan(image string) (resolve.Plan, error)
	}
	client   resolve.Client
	policy   *policyjson.Policy
	operator resolve.Operator
	// tree and dir are the node's hosts.toml files, and where they lie; nil and empty on Linux, and dir
	// is empty for files that are nowhere but in memory.
	tree hoststoml.Tree
	dir  string
	// cas are the certificates of registries on a Linux node, by host.
	cas      map[string]string
	findings finding.Findings
}

// read reads the input. The error is about a part of it that is refused.
func (o *planOptions) read(stdin io.Reader) (*source, error) {
	s := &source{platform: finding.Platform(o.platform)}
	if !slices.Contains([]finding.Platform{finding.Linux, finding.Windows, finding.Containerd}, s.platform) {
		return nil, fmt.Errorf("%w: --platform is to be linux, windows or containerd", errUsage)
	}
	if len(o.files) == 0 {
		return nil, fmt.Errorf("%w: no input; give it with -f", errUsage)
	}
	var client input.Client
	if o.client != "" {
		var err error
		if client, err = input.ParseClient(o.client); err != nil {
			return nil, fmt.Errorf("%w: --client: %w", errUsage, err)
		} else if !client.On(s.platform) {
			return nil, fmt.Errorf("%w: --client %s pulls on no such node", errUsage, client.Name)
		}
	}
	s.client = client.Pulls(s.platform)
	in, err := input.Read(o.files, stdin)
	if err != nil {
		return nil, err
	}
	picked, err := in.Pick(s.platform, input.Choice{Client: client})
	if err != nil {
		return nil, err
	}
	switch {
	case picked.Linux != nil:
		s.table = picked.Linux.Table()
		s.policy, s.findings = picked.Linux.Policy, picked.Linux.Findings
	case picked.Hosts != nil:
		s.table, s.tree, s.findings = picked.Hosts.Table(), picked.Hosts.Tree, picked.Hosts.Findings
		if picked.Hosts.OnDisk {
			s.dir = picked.Hosts.Dir
		}
	default:
		rules, err := picked.Set.Rules()
		if err != nil {
			return nil, err
		}
		if err := s.render(rules, o.hosts); err != nil {
			return nil, err
		}
	}
	s.findings = append(s.findings, picked.Findings...)
	return s, nil
}

// render takes the files that rules make.
func (s *source) render(rules *mirrorset.Rules, hosts []string) error {
	if s.platform != finding.Linux {
		tree, table, findings := hoststoml.Render(rules, hoststoml.RenderOptions{Platform: s.platform, Hosts: hosts})
		s.table, s.tree, s.findings, s.operator = table, tree, findings, resolve.WMCO(rules)
		return nil
	}
	conf, table, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	if err := findings.Err(); err != nil {
		return err // MCO writes nothing
	}
	s.table, s.policy, s.findings = table, conf.Policies.Policy, findings
	theirs := *rules
	theirs.Blocked = conf.Policies.Blocked
	s.operator = resolve.MCO(&theirs)
	s.cas = map[string]string{}
	for _, ca := range rules.TrustedCAs {
		s.cas[ca.Host] += ca.PEM
	}
	return nil
}

// planned is the plan of one image, and what the client asks for.
type planned struct {
	resolve.Plan
	// name and digest are those of the reference; tag is what is asked where it has no digest.
	name, tag, digest string
}

func (s *source) plan(image string) (*planned, error) {
	plan, err := s.table.Plan(image)
	if err != nil {
		return nil, err
	}
	plan.Client = s.client
	differs, found := s.operator.Check(plan)
	plan = s.policy.Apply(plan)
	if found && s.platform != finding.Containerd {
		plan.Findings = append(plan.Findings, differs)
	}
	p := &planned{Plan: plan}
	if len(plan.References) == 0 {
		return p, nil
	}
	// Each reference has the tag or digest that the image has.
	r, err := resolve.ParseReference(plan.References[0])
	if err != nil {
		return nil, err
	}
	p.name = r.Name()
	if r.ByDigest() {
		p.digest = r.String()[len(p.name)+1:]
	} else {
		p.tag = r.String()[len(p.name)+1:]
	}
	return p, nil
}

// byDigest returns the attempts to fetch what a tag of a plan stands for, with the URLs that are then known.
func (s *source) byDigest(p *planned, digest string) ([]resolve.Attempt, error) {
	plan, err := s.table.Plan(p.name + "@" + digest)
	if err == nil && len(plan.Pull) != len(p.Pull) {
		err = errors.New("the plan by digest has other attempts than that by tag")
	}
	return plan.Pull, err
}

// about returns the findings of the input that concern a plan: errors, and what was not read.
func (s *source) about(p *planned) finding.Findings {
	findings := slices.Clone(p.Findings)
	for _, f := range s.findings {
		if f.Code == finding.CodeFileNotRead || f.Code == finding.CodeAmbiguousInput || f.Code == finding.CodeNotApplied {
			findings = append(findings, f)
		}
	}
	return findings.Sort()
}
