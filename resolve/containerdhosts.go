package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/internal/winname"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file says which registry hosts need a file.

// fileHost is a host that gets a file, with the other spellings whose directories Windows takes for
// the same.
type fileHost struct {
	host       string
	spellings  []string
	configured bool
}

// hosts returns every registry host that may need a file: those that rules and scopes name, sorted,
// and then those that have settings of their own.
func (b *registryBuilder) hosts(more ContainerdOptions) []fileHost {
	hosts := b.ruledHosts()
	for _, host := range more.Named {
		if b.wanted(host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	files := b.oneDirectory(slices.Compact(hosts))
	for _, f := range files {
		b.checkName(f.host)
	}
	return b.addConfigured(files, more.Configured)
}

// checkName reports a host that no directory can be made for.
func (b *registryBuilder) checkName(host string) {
	why, dir := "", host
	if name, port, ok := strings.Cut(host, ":"); ok {
		dir = name + "_" + port + "_"
	}
	switch {
	case b.platform == finding.Windows && winname.Reserved(dir):
		why = "Windows keeps this name for a device, no directory can have it, and so the registry has no " +
			"file; give the registry another name"
	case len(dir) > winname.Longest:
		why = fmt.Sprintf("a directory's name may have %d characters, with those that it is prepared "+
			"under, and so the registry has no file; give the registry a shorter name", winname.Longest)
	}
	if why != "" {
		b.report(finding.CodeReservedName, finding.SeverityError, b.originOf(host), host,
			"is contacted whatever the rules say: "+why)
	}
}

// ruledHosts returns the hosts of sources, and those that are blocked or insecure as a whole.
func (b *registryBuilder) ruledHosts() []string {
	var hosts []string
	for i := range b.rules.Rules {
		host, _ := network.SplitHost(b.rules.Rules[i].Source)
		if n := len(hosts); !isWildcard(host) && (n == 0 || hosts[n-1] != host) {
			hosts = append(hosts, host)
		}
	}
	for _, scopes := range [][]mirrorset.Scope{b.rules.Blocked, b.rules.Insecure} {
		for _, s := range scopes {
			if host, path := network.SplitHost(s.Value); path == "" && !isWildcard(host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// wanted reports whether a host that the caller names gets a file, and says why where it does not.
func (b *registryBuilder) wanted(host string) bool {
	switch {
	case !mirrorset.ValidHost(host):
		b.report(finding.CodeUnknownHost, finding.SeverityError, finding.Origin{}, shown.Location(host),
			"is not a registry host, although it was named as one; write host[:port]")
	case !b.reached(host):
		b.report(finding.CodeUnknownHost, finding.SeverityWarning, finding.Origin{}, host,
			"gets no file: it was named as a registry host, but no rule and no scope applies to it")
	default:
		return true
	}
	return false
}

// directory returns what names the directory of a host for the nodes: Windows takes names that differ in
// letter case only for one.
func (b *registryBuilder) directory(host string) string {
	if b.platform == finding.Windows {
		return strings.ToLower(host)
	}
	return host
}

// oneDirectory gives one file to spellings of a host that have one directory.
func (b *registryBuilder) oneDirectory(hosts []string) []fileHost {
	files := make([]fileHost, 0, len(hosts))
	byDirectory := make(map[string]int, len(hosts)) // the place of each
	for _, host := range hosts {
		dir := b.directory(host)
		if i, ok := byDirectory[dir]; ok {
			files[i].spellings = append(files[i].spellings, host)
			continue
		}
		byDirectory[dir] = len(files)
		files = append(files, fileHost{host: host})
	}
	for i := range files {
		f := &files[i]
		for _, host := range f.spellings {
			b.report(finding.CodeHostClash, finding.SeverityWarning, b.originOf(host), host, fmt.Sprintf(
				"shares one file with %s, with the stricter policy and the mirrors of both: the names of their "+
					"directories differ in case only, which Windows cannot tell apart; spell the host one "+
					"way in all objects", f.host))
		}
		// The file is named in lower case, as most people spell it.
		if at := slices.Index(f.spellings, strings.ToLower(f.host)); at >= 0 {
			f.host, f.spellings[at] = f.spellings[at], f.host
		}
	}
	return files
}

// addConfigured marks the hosts that have settings of their own, and adds those that no rule names.
func (b *registryBuilder) addConfigured(files []fileHost, configured []string) []fileHost {
	byDirectory := make(map[string]int, len(files))
	for i, f := range files {
		byDirectory[b.directory(f.host)] = i
	}
	for _, host := range configured {
		if network.Host(host) == network.DockerHub && !strings.Contains(host, ":") {
			host = "docker.io" // containerd has a directory for it under this name only
		}
		dir := b.directory(host)
		if i, ok := byDirectory[dir]; ok {
			files[i].configured = true
		} else if mirrorset.ValidHost(host) {
			byDirectory[dir] = len(files)
			files = append(files, fileHost{host: host, configured: true})
		}
	}
	return files
}

// originOf returns the first field that speaks of a host: of rules, or else of a scope around it. It
// is empty for a host that the caller named.
func (b *registryBuilder) originOf(host string) finding.Origin {
	if rules, ok := b.onHost.get(host); ok {
		return ruleOrigin(rules[0])
	}
	for _, i := range b.blocked.all(network.Host(host)) {
		if i < len(b.rules.Blocked) {
			return b.rules.Blocked[i].Origin
		}
	}
	if at := b.insecure.all(network.Host(host)); len(at) > 0 {
		return b.rules.Insecure[at[0]].Origin
	}
	return finding.Origin{}
}

// reached reports whether any rule or scope applies to a host, if only as another spelling of one under
// NeverContactSource.
func (b *registryBuilder) reached(host string) bool {
	form := network.Host(host)
	return len(b.rulesOf(host)) > 0 || b.neverHost[form] || b.forbids(host) != "" || b.insecure.covers(form)
}

// rulesOf returns the rules for the file of a host: those with a source on it, as spelled, and
// those for the wildcards that enclose it.
func (b *registryBuilder) rulesOf(host string) (rules []*mirrorset.Rule) {
	for _, on := range b.onHost.around(host) {
		rules = append(rules, on...)
	}
	return rules
}
