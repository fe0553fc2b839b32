//go:build !js

package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve/routes"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// imageMirror keeps the image mirrors of managed clusters, as the cluster-management service does.
// The service's place is taken by a file, and what the service would generate, ids and times, is
// generated here. What is printed, asked and required is as rosa has it (openshift/rosa of August 2026,
// cmd/{create,edit,list,dlt}/imagemirror).
func (p *program) imageMirror() *cobra.Command {
	c := &cobra.Command{
		Use: "image-mirror VERB", Short: "create, edit, list and delete the image mirrors of managed clusters",
		Long: "Create, edit, list and delete the image mirrors of managed clusters. The words may stand\n" +
			"as rosa has them too: mirrorctl create image-mirror, and so on.",
		Aliases: []string{imageMirrors}, DisableFlagsInUseLine: true, RunE: oneOf,
	}
	c.AddCommand(p.createImageMirror("create"), p.editImageMirror("edit"), p.listImageMirrors("list"),
		p.deleteImageMirror("delete"))
	return c
}

const imageMirrors = "image-mirrors"

// asRosa returns the verbs as commands, with what they are about behind them.
func (p *program) asRosa() []*cobra.Command {
	var verbs []*cobra.Command
	for _, v := range []struct {
		name string
		of   func(name string) *cobra.Command
	}{
		{"create", p.createImageMirror}, {"edit", p.editImageMirror},
		{"list", p.listImageMirrors}, {"delete", p.deleteImageMirror},
	} {
		sub := v.of("image-mirror")
		sub.Aliases = []string{imageMirrors}
		c := &cobra.Command{Use: v.name + " image-mirror", Short: sub.Short, Hidden: true,
			DisableFlagsInUseLine: true, RunE: oneOf}
		c.AddCommand(sub)
		verbs = append(verbs, c)
	}
	return verbs
}

// ofCluster are the flags of every verb.
type ofCluster struct {
	command           *cobra.Command
	cluster, file, id string
	takesID           bool
}

// clusterFlags adds --cluster and --store, and what rosa takes for its services.
func clusterFlags(c *cobra.Command) *ofCluster {
	o := &ofCluster{command: c}
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.PreRunE = requireFlags
	c.Flags().StringVarP(&o.cluster, "cluster", "c", "", "the `NAME` of the cluster; required")
	c.Flags().StringVar(&o.file, "store", "", "the `FILE` that holds the image mirrors of all clusters; "+
		"required")
	for _, name := range unused {
		c.Flags().String(name, "", "the `"+name+"` of an account, accepted as by rosa and without effect")
	}
	o.require("cluster", "store")
	return o
}

// unused are the flags that say which account rosa works in.
var unused = []string{"profile", "region"}

// require marks flags as required.
func (o *ofCluster) require(names ...string) {
	for _, name := range names {
		if err := o.command.MarkFlagRequired(name); err != nil {
			panic(err) // there is the flag
		}
	}
}

// requireFlags says which of the flags required are missing, in cobra's words, as rosa does. An empty
// value is none.
func requireFlags(c *cobra.Command, _ []string) error {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && f.Value.String() == "" {
			names = append(names, f.Name)
		}
	})
	if len(names) > 0 {
		return fmt.Errorf(`%w: required flag(s) "%s" not set`, errUsage, strings.Join(names, `", "`))
	}
	return nil
}

// idFlag adds --id, which may also be given as an argument.
func (o *ofCluster) idFlag(c *cobra.Command) {
	o.takesID = true
	c.Use += " ID"
	c.Flags().StringVar(&o.id, "id", "", "the `ID` of the image mirror")
}

// store returns what --store names, and says which flags are for nothing.
func (p *program) store(o *ofCluster, rest []string) (managed.Store, error) {
	if o.takesID && o.id == "" && len(rest) > 0 {
		o.id, rest = rest[0], rest[1:]
	}
	switch {
	case o.takesID && o.id == "":
		return nil, fmt.Errorf("%w: Image mirror ID is required; give it as an argument or with --id", errUsage)
	case len(rest) > 0:
		return nil, fmt.Errorf(`%w: "%s" is one argument too many`, errUsage, shown.Location(rest[0]))
	}
	var given []string
	for _, name := range unused {
		if o.command.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 {
		p.inform("without effect: %s; the image mirrors are in the file of --store, and no service is asked",
			strings.Join(given, ", "))
	}
	return managed.File{Path: o.file}, nil
}

// inform says something in rosa's form beside the result.
func (p *program) inform(format string, values ...any) {
	fmt.Fprintf(p.stderr, "I: "+format+"\n", values...)
}

// typeFlag adds --type.
func typeFlag(c *cobra.Command) *string {
	return c.Flags().String("type", string(mirrorset.ByDigest), "the `TYPE`; digest is the only one")
}

// mirrorsFlag adds --mirrors. Its values are lists, and it repeats.
func (o *ofCluster) mirrorsFlag() *mirrorList {
	list := new(mirrorList)
	o.command.Flags().Var(list, "mirrors", "the mirrors, most preferred first: a comma-separated `LIST`; "+
		"repeats; required")
	o.require("mirrors")
	return list
}

type mirrorList []string

func (l *mirrorList) String() string { return strings.Join(*l, ",") }

func (l *mirrorList) Type() string { return "LIST" }

func (l *mirrorList) Set(s string) error {
	if strings.Contains(s, "@") { // no mirror has it: it may end a password, and a password may have commas
		*l = append(*l, s)
		return nil
	}
	for mirror := range strings.SplitSeq(s, ",") {
		if mirror = strings.TrimSpace(mirror); mirror == "" {
			return errors.New("names no mirror where one is to stand")
		}
		*l = append(*l, strings.TrimSpace(mirror))
	}
	return nil
}

func (p *program) createImageMirror(name string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: "redirect pulls by digest of a source to mirrors"}
	o := clusterFlags(c)
	source := c.Flags().String("source", "", "the registry, namespace or `REPOSITORY` whose pulls are "+
		"redirected; required")
	o.require("source")
	mirrors, kind := o.mirrorsFlag(), typeFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := p.store(o, args)
		if err != nil {
			return err
		}
		return p.put(store, o.cluster, mirrorset.ImageMirror{
			ID: newID(), Type: mirrorset.Pull(*kind), Source: *source, Mirrors: *mirrors, CreationTimestamp: now(),
		}, (*managed.Cluster).Create, "with ID '%s' has been created on", "Mirrors")
	}
	return c
}

// change is [managed.Cluster.Create] or Edit.
type change func(*managed.Cluster, mirrorset.ImageMirror) (mirrorset.ImageMirror, error)

// put stores an image mirror and says so in the words of the service: said is a format for its id and
// the cluster.
func (p *program) put(store managed.Store, cluster string, m mirrorset.ImageMirror, do change,
	said, mirrors string) error {
	var before, after managed.Cluster
	err := store.Update(cluster, func(c *managed.Cluster) (err error) {
		before = *c
		m, err = do(c, m)
		after = *c
		return err
	})
	if err != nil {
		return inRosasWords(err, cluster)
	}
	fmt.Fprintf(p.stdout, "I: Image mirror "+said+" cluster '%s'\n", m.ID, shown.Location(cluster))
	fmt.Fprintf(p.stdout, "I: Source: %s\nI: %s: %v\n", m.Source, mirrors, m.Mirrors)
	p.effect(&before, &after, m.ID)
	return nil
}

// rosasWords are what the end-to-end tests of rosa (tests/e2e/test_rosacli_image_mirror.go) look for in
// what the service refuses; %s is the cluster.
var rosasWords = map[finding.Code]string{
	finding.CodeSourceInUse: "already exists for cluster '%s'",
	finding.CodeUnknownID:   "not found on cluster '%s'",
	finding.CodeInvalidType: "type must be 'digest' if specified",
}

// inRosasWords puts the words of rosa before those of a refusal.
func inRosasWords(err error, cluster string) error {
	var refused *finding.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	for i := range refused.Findings {
		f := &refused.Findings[i]
		words := strings.ReplaceAll(rosasWords[f.Code], "%s", shown.Location(cluster))
		if words != "" && f.Origin.File == "" { // else it is about what the store holds, of any cluster
			f.Message = words + ": it " + f.Message
		}
	}
	return err
}

func (p *program) editImageMirror(name string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: "replace the mirrors of an image mirror, as a whole"}
	o := clusterFlags(c)
	o.idFlag(c)
	source := c.Flags().String("source", "", "the `REPOSITORY` that the image mirror has; it cannot be changed")
	mirrors, kind := o.mirrorsFlag(), typeFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := p.store(o, args)
		if err != nil {
			return err
		}
		return p.put(store, o.cluster, mirrorset.ImageMirror{
			ID: o.id, Type: mirrorset.Pull(*kind), Source: *source, Mirrors: *mirrors, LastUpdateTimestamp: now(),
		}, (*managed.Cluster).Edit, "'%s' has been updated on", "Updated mirrors")
	}
	return c
}

func (p *program) listImageMirrors(name string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: "show the image mirrors of a cluster, to be read or for resolve -f"}
	o := clusterFlags(c)
	out := form{"", []string{"json", "yaml"}}
	addFlag(c, &out, "output", "o", "print `json` or yaml in the place of the table; resolve -f reads both",
		out.all)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := p.store(o, args)
		if err != nil {
			return err
		}
		return p.list(store, o.cluster, out.name)
	}
	return c
}

func (p *program) list(store managed.Store, cluster, form string) error {
	c, err := store.Read(cluster)
	if err != nil {
		return err
	}
	list := c.List()
	switch form {
	case "json":
		return p.encode(list)
	case "yaml":
		e := yaml.NewEncoder(p.stdout)
		e.SetIndent(2)
		e.CompactSeqIndent()
		return errors.Join(e.Encode(list), e.Close())
	}
	if len(list) == 0 {
		fmt.Fprintf(p.stdout, "I: No image mirrors found for cluster '%s'\n", shown.Location(cluster))
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tSOURCE\tMIRRORS")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.Type, m.Source, strings.Join(m.Mirrors, ", "))
	}
	return w.Flush()
}

func (p *program) deleteImageMirror(name string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: "take an image mirror away"}
	o := clusterFlags(c)
	o.idFlag(c)
	yes := c.Flags().BoolP("yes", "y", false, "delete without asking")
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := p.store(o, args)
		if err != nil {
			return err
		}
		return inRosasWords(p.delete(store, o.cluster, o.id, *yes), o.cluster)
	}
	return c
}

func (p *program) delete(store managed.Store, cluster, id string, yes bool) error {
	c, err := store.Read(cluster)
	if err != nil {
		return err
	}
	if _, err := c.Get(id); err != nil {
		return err
	}
	if !yes {
		if !isTerminal(p.stdin) {
			return fmt.Errorf("%w: there is no terminal to ask on; confirm with --yes", errUsage)
		}
		fmt.Fprintf(p.stderr, "Are you sure you want to delete image mirror '%s' on cluster '%s'? (y/N) ",
			shown.Location(id), shown.Location(cluster))
		if !agrees(p.stdin) {
			p.inform("Image mirror '%s' has not been deleted", shown.Location(id))
			return nil
		}
	}
	var before, after managed.Cluster
	err = store.Update(cluster, func(c *managed.Cluster) error {
		before = *c
		_, err := c.Delete(id)
		after = *c
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "I: Image mirror '%s' has been deleted from cluster '%s'\n", shown.Location(id),
		shown.Location(cluster))
	p.effect(&before, &after, id)
	return nil
}

// effect says what a change of the image mirror that has an id does to pulls and to the nodes of its
// cluster. Hosted control planes have no nodes with Windows.
func (p *program) effect(before, after *managed.Cluster, id string) {
	old, _ := linuxNodes(before)
	now, findings := linuxNodes(after)
	changes := routes.Diff(old, now)
	for _, c := range changes {
		p.inform("Pulls of %s by %s now ask %s; before they asked %s", shown.Text(c.Pattern.String()), c.Kind,
			way(&c.After), way(&c.Before))
	}
	if len(changes) == 0 {
		p.inform("No pull goes another way")
	} else if !slices.ContainsFunc(changes, func(c routes.Change) bool { return c.Kind == mirrorset.ByTag }) {
		p.inform("Pulls by tag are not redirected")
	}
	if out := mirrorset.RollsOut(setOf(before), setOf(after)); out != nil {
		p.inform("%s", out)
	} else {
		p.inform("No NodePool is rolled out")
	}
	object := "ImageMirror/" + id
	p.report(slices.DeleteFunc(findings.Sort(), func(f finding.Finding) bool {
		return f.Origin.Object != object || f.Severity == finding.SeverityInfo
	}))
}

func setOf(c *managed.Cluster) *mirrorset.Set { return &mirrorset.Set{ImageMirrors: c.List()} }

// linuxNodes returns where the nodes of a cluster pull from, and what is worth knowing of that.
func linuxNodes(c *managed.Cluster) (*routes.Routes, finding.Findings) {
	rules, err := setOf(c).Rules()
	if err != nil {
		panic(err) // a Cluster keeps the rules of the service
	}
	_, table, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	return routes.Linux(table), append(rules.Findings.For(finding.Linux), findings...)
}

// agrees reads one line and reports whether it says yes.
func agrees(r io.Reader) bool {
	line, _ := bufio.NewReader(r).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}

// newID returns an id as the service gives them: letters and digits, here sixteen, of 80 random bits.
func newID() string {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	id := make([]byte, 16)
	rand.Read(id) // never fails
	for i, b := range id {
		id[i] = digits[b%32]
	}
	return string(id)
}

// now returns the time, to the second, as the service keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
