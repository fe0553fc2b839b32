package registriesconf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
)

// Impact returns what it costs a Linux node that the Machine Config Operator (MCO) manages when its
// registries.conf is replaced: every difference between the two files, whether MCO drains the node, and
// every reason for it. A nil Config is an absent file, which MCO takes for an empty one.
//
// MCO's check looks at less than the client does, and at some things that mean nothing to the
// client. The node is left undrained only if all of this holds (openshift/machine-config-operator,
// pkg/daemon/drain.go, isSafeContainerRegistryConfChanges):
//
//   - every old item of unqualified-search-registries is where it was;
//   - no registry is gone, and none has another prefix, location, blocked or insecure, as they are spelled;
//   - no mirror is gone, and none has another pull-from-mirror, unless it is now "digest-only";
//   - each new mirror is "digest-only", or its registry is mirror-by-digest-only;
//   - each new registry has mirrors that are all "digest-only" (mirror-by-digest-only on the registry does
//     not do), or it has none and is mirror-by-digest-only.
//
// It compares nothing else: a change of only short-name-mode, aliases, credential-helpers,
// additional-layer-store-auth-helper, mirror-by-digest-only, namespace-proxy, the insecure of a
// mirror, or the order of mirrors or registries drains nothing. Differences lists these too. Two
// more habits of the check:
//
//   - It finds a mirror by its location and takes the first. Where a registry lists one location for both
//     kinds of pull, the second listing therefore looks changed as soon as anything about the registry
//     changes, and drains; and the second can be removed without a drain.
//   - Of several registries with one prefix it compares the last. The client uses the first.
//
// A drain is not a reboot. For registries.conf MCO drains where it must and has CRI-O reload the
// file, and its own tests demand that the node is not rebooted (an ImageTagMirrorSet included, of
// which the documentation of OpenShift says that it "drains and reboots"). What reboots is a change
// of a drop-in, see [NodeImpact.WithDropIn]; what it does for other files says [NodeImpact.WithFile].
//
// The verdict is that of MCO's defaults. A node disruption policy for the file replaces it, see
// [NodeImpact.Under]; a cluster of one node is never drained. Trailing slashes, which [Parse] drops, are not seen here,
// though to MCO they are a change.
func Impact(old, new *Config) NodeImpact {
	c := comparison{NodeImpact{Differences: []Difference{}, Reasons: []Difference{}}}
	if old == nil {
		old = &Config{}
	}
	if new == nil {
		new = &Config{}
	}
	c.searchRegistries(old.UnqualifiedSearchRegistries, new.UnqualifiedSearchRegistries)
	c.settings(old, new)
	c.registries(old.Registries, new.Registries)
	return c.Under(nil)
}

// NodeImpact is what a change of registries.conf costs a Linux node. Its lists are in an order that
// depends on the two files alone: settings of the file first, then registries by their prefix, each with
// its own settings before its mirrors, then drop-ins, then other files.
type NodeImpact struct {
	// Differences are all of them. Without any, the node is left alone.
	Differences []Difference `json:"changes"`
	// Drain is set where MCO cordons the node and evicts its pods before it replaces the file.
	Drain bool `json:"drain"`
	// Reboot is set where it also reboots the node. Nothing in registries.conf itself does that.
	Reboot bool `json:"reboot"`
	// Actions are what MCO does on the node beside a drain, for all files together: "Reload crio.service",
	// and nothing but "Reboot" where it reboots. Empty where it only writes the files.
	Actions []string `json:"actions"`
	// Reasons are what Drain is set for: the changes that drain, and what only looks changed to MCO.
	Reasons []Difference `json:"reasons"`
	// Rollout is set where HyperShift rolls nodes out in place of all that MCO does; see [NodeImpact.Hosted].
	Rollout *mirrorset.Rollout `json:"rollout,omitempty"`
	// Policies are the entries of a node disruption policy that took the place of MCO's defaults; see
	// [NodeImpact.Under].
	Policies []AppliedPolicy `json:"policies,omitempty"`
}

// A Difference is one setting in which two files differ, or a registry, mirror or drop-in that only
// one has.
type Difference struct {
	// Code is the kind of difference.
	Code DifferenceCode `json:"code"`
	// File is the file that the change is about: a path from /etc/containers, or an absolute one. It is
	// empty for registries.conf itself.
	File string `json:"file,omitempty"`
	// Field is the path in the new file, registry[2].mirror[0].pull-from-mirror, and for what is
	// gone the path in the old one.
	Field string `json:"field,omitempty"`
	// Scope is what the registry concerned applies to, its prefix.
	Scope string `json:"scope,omitempty"`
	// Mirror is the location of the mirror concerned.
	Mirror string `json:"mirror,omitempty"`
	// Old and New are the values in the two files; empty where the file has none.
	Old string `json:"old"`
	New string `json:"new"`
	// Drains is set where MCO drains the node for this.
	Drains bool `json:"drains"`
	// Message says what the change means for the node, and what to do about a drain.
	Message string `json:"message"`
}

// DifferenceCode names a kind of Difference. Like finding codes these are stable: one is never
// given another meaning.
type DifferenceCode string

const (
	RegistryAdded    DifferenceCode = "registry-added"
	RegistryRemoved  DifferenceCode = "registry-removed"
	RegistryChanged  DifferenceCode = "registry-changed"        // one setting of it; Field names which
	RegistryRepeated DifferenceCode = "registry-repeated"       // one of several with one prefix, which MCO does not compare
	RegistryOrder    DifferenceCode = "registry-order"          // the same registries in another order
	MirrorAdded      DifferenceCode = "mirror-added"            // to a registry that was there
	MirrorRemoved    DifferenceCode = "mirror-removed"          // from a registry that stays
	MirrorChanged    DifferenceCode = "mirror-changed"          // one setting of it; Field names which
	MirrorOrder      DifferenceCode = "mirror-order"            // the same mirrors in another order
	MirrorRepeated   DifferenceCode = "mirror-repeated"         // unchanged, but MCO compares it with another listing
	SearchAdded      DifferenceCode = "search-registry-added"   // behind those that were there
	SearchRemoved    DifferenceCode = "search-registry-removed" // from the end of the list
	SearchChanged    DifferenceCode = "search-registry-changed" // another one at this place
	SettingChanged   DifferenceCode = "setting-changed"         // a setting of the whole file that MCO does not compare
	DropInChanged    DifferenceCode = "drop-in-changed"         // a file of registries.conf.d
	FileChanged      DifferenceCode = "file-changed"            // another file: policy.json, registries.d, the pull secret
)

// String returns the change as one line:
//
//	registry[0]: "quay.io/team": is gone, … [registry-removed]
func (c Difference) String() string {
	text := strings.TrimSpace(c.File + " " + c.Field)
	if c.Code != FileChanged { // of which no content is shown
		text += fmt.Sprintf(": %q", cmp.Or(c.Mirror, c.Scope, c.New, c.Old))
	}
	return fmt.Sprintf("%s: %s [%s]", text, c.Message, c.Code)
}

// Verdict says in one sentence what happens to the node.
func (n NodeImpact) Verdict() string {
	then := n.afterwards()
	switch {
	case n.Rollout != nil:
		return "rollout: " + n.Rollout.String()
	case n.Reboot:
		return "drain and reboot: MCO drains each node in turn and reboots it"
	case n.Drain && then != "":
		return "drain: MCO drains each node in turn, then " + then + "; no reboot"
	case n.Drain:
		return "drain: MCO drains each node in turn; no reboot"
	case len(n.Policies) > 0 && then != "":
		return "no drain: the node disruption policy asks for none; " + then
	case len(n.Policies) > 0:
		return "no drain: the node disruption policy asks for none"
	case then != "":
		return "no drain: " + then + ", pods keep running"
	case len(n.Differences) > 0:
		return "no drain: MCO writes the files, and nothing is reloaded or restarted"
	}
	return "no drain: nothing changes"
}

// afterwards says what MCO does once the files are written.
func (n NodeImpact) afterwards() string {
	var said []string
	for _, action := range n.Actions {
		verb, service, _ := strings.Cut(action, " ")
		switch {
		case action == reloadCRIO:
			said = append(said, "CRI-O reloads its configuration")
		case verb == string(mirrorset.ActionReload):
			said = append(said, service+" reloads its configuration")
		case verb == string(mirrorset.ActionRestart):
			said = append(said, service+" restarts")
		default:
			said = append(said, "systemd reloads its units")
		}
	}
	return strings.Join(said, " and ")
}

// String returns the verdict and, below it, every reason.
func (n NodeImpact) String() string {
	var b strings.Builder
	b.WriteString(n.Verdict())
	for _, p := range n.Policies {
		fmt.Fprintf(&b, "\n  %s", p)
	}
	for _, r := range n.Reasons {
		fmt.Fprintf(&b, "\n  %s", r)
	}
	return b.String()
}

// A comparison collects the changes between two files, each once.
type comparison struct{ NodeImpact }

func (c *comparison) add(change Difference) {
	c.Differences = append(c.Differences, change.shown())
	if change.Drains {
		c.because(change)
	}
}

func (c *comparison) because(reason Difference) {
	c.Reasons = append(c.Reasons, reason.shown())
}

// shown returns the change without user information and control characters in its values.
func (c Difference) shown() Difference {
	c.Scope, c.Mirror = shown.Value(c.Scope), shown.Value(c.Mirror)
	for _, text := range []*string{&c.File, &c.Field, &c.Old, &c.New, &c.Message} {
		*text = shown.Text(*text)
	}
	return c
}

const planDrain = "; leave it as it was, or plan the drain"

func (c *comparison) searchRegistries(old, new []string) {
	for i := range max(len(old), len(new)) {
		change := Difference{Field: fmt.Sprintf("unqualified-search-registries[%d]", i)}
		switch {
		case i >= len(old):
			change.Code, change.New = SearchAdded, new[i]
			change.Message = "is searched after those that were there before: no drain"
		case i >= len(new):
			change.Code, change.Old, change.Drains = SearchRemoved, old[i], true
			change.Message = "is no longer searched for names without a registry" + planDrain
		case old[i] != new[i]:
			change.Code, change.Old, change.New, change.Drains = SearchChanged, old[i], new[i], true
			change.Message = "is searched in the place of another, so names without a registry may mean " +
				"other images; " +
				"append new ones at the end, or plan the drain"
		default:
			continue
		}
		c.add(change)
	}
}

// settings compares what MCO's check does not read.
func (c *comparison) settings(old, new *Config) {
	setting := func(field, before, after string) {
		if before != after {
			c.add(Difference{Code: SettingChanged, Field: field, Old: before, New: after,
				Message: "is not compared by MCO: no drain; it holds for pulls from the reload on"})
		}
	}
	setting("credential-helpers", list(old.CredentialHelpers), list(new.CredentialHelpers))
	setting("short-name-mode", old.ShortNameMode, new.ShortNameMode)
	setting("additional-layer-store-auth-helper", old.AdditionalLayerStoreAuthHelper,
		new.AdditionalLayerStoreAuthHelper)
	names := slices.Collect(maps.Keys(old.Aliases))
	names = slices.AppendSeq(names, maps.Keys(new.Aliases))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		// An empty target is a setting too, it removes the alias of a file below.
		quoted := func(aliases map[string]string) string {
			if target, ok := aliases[name]; ok {
				return quote(target)
			}
			return ""
		}
		setting("aliases."+shownKey(name), quoted(old.Aliases), quoted(new.Aliases))
	}
}

func (c *comparison) registries(old, new []Registry) {
	before, after := byScope(old), byScope(new)
	scopes := slices.Collect(maps.Keys(before))
	scopes = slices.AppendSeq(scopes, maps.Keys(after))
	slices.Sort(scopes)
	for _, scope := range slices.Compact(scopes) {
		o, n := before[scope], after[scope]
		switch {
		case len(n) == 0:
			i := last(o)
			c.add(Difference{Code: RegistryRemoved, Field: registryField(i), Scope: scope,
				Old: old[i].describe(), Drains: true,
				Message: "is gone, and with it where its images were pulled from; keep it, or plan the drain"})
		case len(o) == 0:
			c.registryAdded(last(n), new[last(n)])
		default:
			c.registry(last(o), last(n), old[last(o)], new[last(n)])
		}
		c.repeated(scope, old, new, o, n)
	}
	if order, now := commonScopes(old, after), commonScopes(new, before); !slices.Equal(order, now) {
		c.add(Difference{Code: RegistryOrder, Field: "registry", Old: list(order), New: list(now),
			Message: "stand in another order, which means nothing, the longest prefix wins: no drain"})
	}
}

func (c *comparison) registryAdded(i int, r Registry) {
	change := Difference{Code: RegistryAdded, Field: registryField(i), Scope: r.Scope(), New: r.describe()}
	var others []string
	for _, m := range r.Mirrors {
		if m.PullFromMirror != PullDigestOnly {
			others = append(others, fmt.Sprintf("%s (%s)", shown.Value(m.Location), m.PullFromMirror.describe()))
		}
	}
	switch {
	case len(others) > 0 && r.MirrorByDigestOnly:
		change.Drains = true
		change.Message = "is new, and MCO overlooks its mirror-by-digest-only where there are mirrors: " +
			"write pull-from-mirror = " +
			`"digest-only" on each of ` + list(others) + " instead, or plan the drain"
	case len(others) > 0:
		change.Drains = true
		change.Message = "is new, and not all its mirrors are digest-only: " + list(others) +
			"; make them digest-only (an ImageDigestMirrorSet) where that is enough, or plan the drain"
	case len(r.Mirrors) == 0 && !r.MirrorByDigestOnly:
		change.Drains = true
		change.Message = "is new and has no mirrors, as a blocked or insecure scope has none; MCO drains " +
			"for each, so add several at once"
	default:
		change.Message = "is new, and serves pulls by digest alone from mirrors: no drain"
	}
	c.add(change)
}

// registry compares two registries of one prefix.
func (c *comparison) registry(oldAt, newAt int, old, new Registry) {
	field := registryField(newAt)
	setting := func(name, before, after string, drains bool, message string) {
		if before == after {
			return
		}
		if drains {
			message += planDrain
		} else {
			message += "; MCO does not compare this: no drain"
		}
		c.add(Difference{Code: RegistryChanged, Field: field + "." + name, Scope: new.Scope(),
			Old: before, New: after, Drains: drains, Message: message})
	}
	flag := func(name string, before, after, drains bool, set, unset string) {
		message := unset
		if after {
			message = set
		}
		setting(name, strconv.FormatBool(before), strconv.FormatBool(after), drains, message)
	}
	setting("prefix", old.Prefix, new.Prefix, true,
		"is spelled otherwise; it means the same to the client, but not to MCO")
	setting("location", old.Location, new.Location, true,
		"is another location that images are pulled from when no mirror has them")
	flag("blocked", old.Blocked, new.Blocked, true,
		"now forbids the registry itself, so its images come from mirrors or not at all",
		"no longer forbids the registry itself, which is asked after the mirrors")
	flag("insecure", old.Insecure, new.Insecure, true,
		"now allows plain HTTP and certificates that do not verify",
		"no longer allows plain HTTP and certificates that do not verify")
	flag("mirror-by-digest-only", old.MirrorByDigestOnly, new.MirrorByDigestOnly, false,
		"now keeps pulls by tag away from every mirror",
		"no longer keeps pulls by tag away from the mirrors")
	setting("namespace-proxy", old.NamespaceProxy, new.NamespaceProxy, false,
		"is another name that the registry is told")
	c.mirrors(oldAt, newAt, old, new)
}

// repeated reports a change in registries that another of their prefix follows.
func (c *comparison) repeated(scope string, old, new []Registry, o, n []int) {
	earlier := func(registries []Registry, at []int) (text []string, all []Registry) {
		for i := 0; i < len(at)-1; i++ {
			r := registries[at[i]]
			text, all = append(text, r.describe()), append(all, r)
		}
		return text, all
	}
	before, oldOnes := earlier(old, o)
	after, newOnes := earlier(new, n)
	if slices.EqualFunc(oldOnes, newOnes, equalRegistries) {
		return
	}
	at := o
	if len(n) > 0 {
		at = n
	}
	c.add(Difference{Code: RegistryRepeated, Field: registryField(at[0]), Scope: scope,
		Old: strings.Join(before, "; "), New: strings.Join(after, "; "),
		Message: "is the prefix of several registries; the client uses the first, and MCO compares the " +
			"last alone, so this change is not drained for: merge them"})
}

// byScope returns where the registries of each scope are.
func byScope(registries []Registry) map[string][]int {
	at := make(map[string][]int, len(registries))
	for i, r := range registries {
		at[r.Scope()] = append(at[r.Scope()], i)
	}
	return at
}

func last(at []int) int { return at[len(at)-1] }

// commonScopes returns the scopes of registries that are in others, too, in their order.
func commonScopes(registries []Registry, others map[string][]int) []string {
	var scopes []string
	seen := map[string]bool{}
	for _, r := range registries {
		if scope := r.Scope(); !seen[scope] && len(others[scope]) > 0 {
			seen[scope] = true
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

func equalRegistries(a, b Registry) bool {
	return a.Prefix == b.Prefix && a.Location == b.Location && a.Insecure == b.Insecure && a.Blocked == b.Blocked &&
		a.MirrorByDigestOnly == b.MirrorByDigestOnly && a.NamespaceProxy == b.NamespaceProxy &&
		slices.Equal(a.Mirrors, b.Mirrors)
}

func registryField(i int) string { return fmt.Sprintf("registry[%d]", i) }

func mirrorField(i, j int) string { return fmt.Sprintf("registry[%d].mirror[%d]", i, j) }

func list(items []string) string { return strings.Join(items, ", ") }
