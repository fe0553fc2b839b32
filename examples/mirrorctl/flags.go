package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// texts is a flag that repeats.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Type() string { return "TEXT" }

func (t *texts) Set(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	*t = append(*t, s)
	return nil
}

// codes is a flag of finding codes, which repeats.
type codes []string

func (c *codes) String() string { return strings.Join(*c, ",") }

func (c *codes) Type() string { return "CODE" }

func (c *codes) Set(s string) error {
	if !slices.Contains(allCodes(), s) {
		return errors.New("is no finding code; docs/findings.md has them" + didYouMean(s, allCodes()))
	}
	*c = append(*c, s)
	return nil
}

// platform is the flag --platform of commands that answer for one.
type platform finding.Platform

var platforms = []string{string(finding.Windows), string(finding.Containerd), string(finding.Linux)}

func (p *platform) String() string { return string(*p) }

func (p *platform) Type() string { return "PLATFORM" }

func (p *platform) Set(s string) error {
	if *p != "" {
		return errors.New("is a second platform; this command answers for one")
	}
	return (*platformOf)(p).Set(s)
}

// platformOf is a platform that may be replaced.
type platformOf finding.Platform

func (p *platformOf) Set(s string) error {
	if !slices.Contains(platforms, s) {
		return fmt.Errorf("is to be %s%s", alternatives(platforms), didYouMean(s, platforms))
	}
	*p = platformOf(s)
	return nil
}

// manyPlatforms is the flag --platform where it repeats.
type manyPlatforms []string

func (m *manyPlatforms) String() string { return strings.Join(*m, ",") }

func (m *manyPlatforms) Type() string { return "PLATFORM" }

func (m *manyPlatforms) Set(s string) error {
	if err := new(platformOf).Set(s); err != nil {
		return err
	}
	if slices.Contains(*m, s) {
		return errors.New("is given twice")
	}
	*m = append(*m, s)
	return nil
}

// containerd returns the platform with containerd that is among them, "" where none or both are.
func (m manyPlatforms) containerd() (one finding.Platform) {
	for _, p := range m {
		if p := finding.Platform(p); p.ReadsHosts() {
			if one != "" {
				return ""
			}
			one = p
		}
	}
	return one
}

// form is the flag -o: how a result is printed.
type form struct {
	name string
	all  []string
}

func (f *form) String() string { return f.name }

func (f *form) Type() string { return "FORM" }

func (f *form) Set(s string) error {
	if !slices.Contains(f.all, s) {
		return fmt.Errorf("is to be %s%s", alternatives(f.all), didYouMean(s, f.all))
	}
	f.name = s
	return nil
}

// alternatives lists words, "text, json or junit".
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// shortForm is the flag --json.
type shortForm struct{ *form }

func (s shortForm) String() string { return "false" }

func (s shortForm) Type() string { return "bool" }

func (s shortForm) Set(value string) error {
	if value == "true" {
		return s.form.Set("json")
	}
	return nil
}

// addFlag adds a flag whose values are known, so that a shell completes them.
func addFlag(c *cobra.Command, v pflag.Value, name, short, usage string, values []string) {
	c.Flags().VarP(v, name, short, usage)
	complete := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	if values != nil {
		complete = cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	if err := c.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // a flag that was added is there, and has no other
	}
}

const (
	// manifests and anyInput say what -f takes.
	manifests = "manifests"
	anyInput  = "manifests, or a node's own registries.conf or hosts.toml directory"
)

// inputFlag adds -f.
func inputFlag(c *cobra.Command, what string) *texts {
	files := new(texts)
	addFlag(c, files, "file", "f", what+", `FILE`, directory, archive or - for standard input; repeats", nil)
	return files
}

// nodes says what --platform names.
const nodes = "windows, linux, or containerd for that on Linux"

// platformFlag adds --platform.
func platformFlag(c *cobra.Command, what string) *platform {
	on := new(platform)
	addFlag(c, on, "platform", "", what, platforms)
	return on
}

// hostsFor returns an error where --host was given for nodes that have no file for each host.
func hostsFor(on finding.Platform, hosts []string) error {
	if len(hosts) > 0 && on == finding.Linux {
		return fmt.Errorf("%w: --host is for --platform windows or containerd", errUsage)
	}
	return nil
}

// formFlag adds -o with text, json and more forms, and --json, its short form. content is what the
// JSON holds.
func formFlag(c *cobra.Command, content string, more ...string) *form {
	out := &form{"text", append([]string{"text", "json"}, more...)}
	usage := "the `FORM` of the answer: text, or json, " + content
	if len(more) > 0 {
		usage += "; or " + strings.Join(more, ", ")
	}
	addFlag(c, out, "output", "o", usage, out.all)
	short := c.Flags().VarPF(shortForm{out}, "json", "", "short for -o json")
	short.NoOptDefVal = "true"
	return out
}

// hostsFlag adds --host.
func hostsFlag(c *cobra.Command) *texts {
	hosts := new(texts)
	addFlag(c, hosts, "host", "", "windows and containerd: a registry `HOST` that wildcard rules are to be expanded "+
		"for; repeats", []string{})
	return hosts
}

// imagesFlag adds --from.
func imagesFlag(c *cobra.Command) *texts {
	lists := new(texts)
	addFlag(c, lists, "from", "", "a `FILE` of images, as lint --require-from takes them; repeats", nil)
	return lists
}

// ignoreFlag adds --ignore.
func ignoreFlag(c *cobra.Command, to *codes, usage string) {
	addFlag(c, to, "ignore", "", usage, allCodes())
}

const clientUsage = "the `CLIENT` that reads a node's files: crio, podman, skopeo, containerd or k3s, with " +
	"@VERSION for one that is not the newest"

// clientOption adds --client.
func clientOption(c *cobra.Command, to *clientFlag) {
	addFlag(c, to, "client", "", clientUsage, input.ClientNames)
}

// singleDash refuses the name of a flag behind a single dash, which would be taken for one letter with
// its value.
func singleDash(root *cobra.Command, args []string) error {
	c, _, err := root.Find(args)
	if err != nil || len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if arg == "--" {
			return nil
		}
		if len(name) > 2 && name[0] == '-' && c.Flags().Lookup(name[1:]) != nil {
			return fmt.Errorf("%w: %s is written -%s", errUsage, name, name)
		}
	}
	return nil
}

// flagMistake says what is wrong with a flag, with a value or a name that is repeated as that may be
// shown.
func flagMistake(c *cobra.Command, err error) error {
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			return fmt.Errorf("%w: there is no flag -%s", errUsage, shown.Location(name))
		}
		return fmt.Errorf("%w: there is no flag --%s%s", errUsage, shown.Location(name), meantFlag(c, name))
	}
	if lacking := new(pflag.ValueRequiredError); errors.As(err, &lacking) {
		return fmt.Errorf("%w: %s needs a value", errUsage, flagName(lacking.GetFlag()))
	}
	if wrong := new(pflag.InvalidValueError); errors.As(err, &wrong) {
		name, value, cause := flagName(wrong.GetFlag()), shown.Location(wrong.GetValue()), wrong.Unwrap()
		if client, version, ok := strings.Cut(wrong.GetValue(), "@"); ok && slices.Contains(input.ClientNames, client) {
			value = client + "@" + shown.Location(version) // no user information
		}
		if wrong.GetFlag().Value.Type() == "bool" {
			cause = errors.New("is to be true or false")
		}
		return fmt.Errorf("%w: %s %s: %w", errUsage, name, value, cause)
	}
	return fmt.Errorf("%w: a flag is written --NAME or --NAME=VALUE", errUsage)
}

// meantFlag names the flag that was meant, where one is near.
func meantFlag(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := didYouMean(name, names); meant != "" {
		return strings.Replace(meant, "mean ", "mean --", 1)
	}
	return ""
}

// flagName returns the name of a flag as people write it.
func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}
