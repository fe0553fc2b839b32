package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"go.yaml.in/yaml/v3"
)

// imageMirrorVerbs are the words behind image-mirror.
var imageMirrorVerbs = []command{
	{"create", "redirect pulls by digest of a source to mirrors", (*program).createImageMirror},
	{"edit", "replace the mirrors of an image mirror, as a whole", (*program).editImageMirror},
	{"list", "show the image mirrors of a cluster, to be read or for resolve -f", (*program).listImageMirrors},
	{"delete", "take an image mirror away", (*program).deleteImageMirror},
}

// imageMirror keeps the image mirrors of managed clusters, as the cluster-management service does.
// The service's place is taken by a file, and what the service would generate, ids and times, is
// generated here.
func (p *program) imageMirror(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: name what to do: create, edit, list or delete", errUsage)
	}
	for _, v := range imageMirrorVerbs {
		if v.name == args[0] {
			return v.run(p, args[1:])
		}
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprintln(p.stdout, "usage: mirrorctl image-mirror VERB --cluster NAME --store FILE [flags]")
		for _, v := range imageMirrorVerbs {
			fmt.Fprintf(p.stdout, "  %-8s %s\n", v.name, v.synopsis)
		}
		fmt.Fprintln(p.stdout, "mirrorctl image-mirror VERB -h shows the flags of a verb")
		return flag.ErrHelp
	}
	return fmt.Errorf(`%w: "%s" is not create, edit, list or delete`, errUsage, shown.Location(args[0]))
}

// clusterFlags are the flags of every verb.
type clusterFlags struct {
	*flag.FlagSet
	cluster, file, id string
}

func (p *program) clusterFlags(verb, arguments string) *clusterFlags {
	fs := &clusterFlags{FlagSet: p.flags("image-mirror "+verb, arguments)}
	fs.StringVar(&fs.cluster, "cluster", "", "the `NAME` of the cluster; required")
	fs.StringVar(&fs.cluster, "c", "", "the same as -cluster")
	fs.StringVar(&fs.file, "store", "", "the `FILE` that holds the image mirrors of all clusters; required")
	return fs
}

// idFlag adds --id, which may also be given as an argument.
func (fs *clusterFlags) idFlag() { fs.StringVar(&fs.id, "id", "", "the `ID` of the image mirror") }

// parse parses the flags and says which of those required are missing.
func (fs *clusterFlags) parse(args []string) (managed.Store, error) {
	rest, err := parse(fs.FlagSet, args)
	if err != nil {
		return nil, err
	}
	takesID := fs.Lookup("id") != nil
	if takesID && fs.id == "" && len(rest) > 0 {
		fs.id, rest = rest[0], rest[1:]
	}
	switch {
	case fs.cluster == "":
		return nil, fmt.Errorf("%w: --cluster is missing; name the cluster", errUsage)
	case fs.file == "":
		return nil, fmt.Errorf("%w: --store is missing; name the file that holds the image mirrors", errUsage)
	case takesID && fs.id == "":
		return nil, fmt.Errorf("%w: the id is missing; give it as an argument or with --id", errUsage)
	case len(rest) > 0:
		return nil, fmt.Errorf(`%w: "%s" is one argument too many`, errUsage, shown.Location(rest[0]))
	}
	return managed.File{Path: fs.file}, nil
}

// mirrorsFlag adds --mirrors. Its values are lists, and it repeats.
func (fs *clusterFlags) mirrorsFlag() *mirrorList {
	list := new(mirrorList)
	fs.Var(list, "mirrors", "the mirrors, most preferred first: a comma-separated `LIST`; repeats; required")
	return list
}

type mirrorList []string

func (l *mirrorList) String() string { return strings.Join(*l, ",") }

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

func (p *program) createImageMirror(args []string) error {
	fs := p.clusterFlags("create", "")
	source := fs.String("source", "", "the registry, namespace or `REPOSITORY` whose pulls are redirected; required")
	mirrors := fs.mirrorsFlag()
	kind := fs.String("type", string(mirrorset.ByDigest), "the `TYPE`; digest is the only one")
	store, err := fs.parse(args)
	switch {
	case err != nil:
		return err
	case *source == "":
		return fmt.Errorf("%w: --source is missing; name what is to be mirrored", errUsage)
	case len(*mirrors) == 0:
		return fmt.Errorf("%w: --mirrors is missing; name at least one mirror", errUsage)
	}
	var m mirrorset.ImageMirror
	err = store.Update(fs.cluster, func(c *managed.Cluster) (err error) {
		m, err = c.Create(mirrorset.ImageMirror{
			ID: newID(), Type: mirrorset.Pull(*kind), Source: *source, Mirrors: *mirrors, CreationTimestamp: now(),
		})
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "I: Image mirror with ID '%s' has been created on cluster '%s'\n", m.ID,
		shown.Location(fs.cluster))
	fmt.Fprintf(p.stdout, "I: Source: %s\nI: Mirrors: %v\n", m.Source, m.Mirrors)
	return nil
}

func (p *program) editImageMirror(args []string) error {
	fs := p.clusterFlags("edit", "ID")
	fs.idFlag()
	source := fs.String("source", "", "the `REPOSITORY` that the image mirror has; it cannot be changed")
	mirrors := fs.mirrorsFlag()
	kind := fs.String("type", string(mirrorset.ByDigest), "the `TYPE`; digest is the only one")
	store, err := fs.parse(args)
	switch {
	case err != nil:
		return err
	case len(*mirrors) == 0 && *source == "":
		return fmt.Errorf("%w: --mirrors is missing; name all the mirrors that there are to be", errUsage)
	}
	var m mirrorset.ImageMirror
	err = store.Update(fs.cluster, func(c *managed.Cluster) (err error) {
		m, err = c.Edit(mirrorset.ImageMirror{
			ID: fs.id, Type: mirrorset.Pull(*kind), Source: *source, Mirrors: *mirrors, LastUpdateTimestamp: now(),
		})
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "I: Image mirror '%s' has been updated on cluster '%s'\n", m.ID, shown.Location(fs.cluster))
	fmt.Fprintf(p.stdout, "I: Source: %s\nI: Updated mirrors: %v\n", m.Source, m.Mirrors)
	return nil
}

func (p *program) listImageMirrors(args []string) error {
	fs := p.clusterFlags("list", "")
	var output string
	for _, name := range []string{"output", "o"} {
		fs.StringVar(&output, name, "", "print `json` or yaml in the place of the table; resolve -f reads both")
	}
	store, err := fs.parse(args)
	switch {
	case err != nil:
		return err
	case output != "" && output != "json" && output != "yaml":
		return fmt.Errorf("%w: --output %s: is to be json or yaml", errUsage, shown.Location(output))
	}
	c, err := store.Read(fs.cluster)
	if err != nil {
		return err
	}
	list := c.List()
	switch output {
	case "json":
		return p.encode(list)
	case "yaml":
		e := yaml.NewEncoder(p.stdout)
		e.SetIndent(2)
		e.CompactSeqIndent()
		return errors.Join(e.Encode(list), e.Close())
	}
	if len(list) == 0 {
		fmt.Fprintf(p.stderr, "I: Cluster '%s' has no image mirrors\n", shown.Location(fs.cluster))
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tSOURCE\tMIRRORS")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.Type, m.Source, strings.Join(m.Mirrors, ", "))
	}
	return w.Flush()
}

func (p *program) deleteImageMirror(args []string) error {
	fs := p.clusterFlags("delete", "ID")
	fs.idFlag()
	var yes bool
	fs.BoolVar(&yes, "yes", false, "delete without asking")
	fs.BoolVar(&yes, "y", false, "the same as -yes")
	store, err := fs.parse(args)
	if err != nil {
		return err
	}
	c, err := store.Read(fs.cluster)
	if err != nil {
		return err
	}
	if _, err := c.Get(fs.id); err != nil {
		return err
	}
	if !yes {
		if !isTerminal(p.stdin) {
			return fmt.Errorf("%w: there is no terminal to ask on; confirm with --yes", errUsage)
		}
		fmt.Fprintf(p.stderr, "Delete image mirror '%s' from cluster '%s'? (y/N) ", shown.Location(fs.id),
			shown.Location(fs.cluster))
		if !agrees(p.stdin) {
			fmt.Fprintf(p.stderr, "I: Image mirror '%s' has not been deleted\n", shown.Location(fs.id))
			return nil
		}
	}
	err = store.Update(fs.cluster, func(c *managed.Cluster) error {
		_, err := c.Delete(fs.id)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "I: Image mirror '%s' has been deleted from cluster '%s'\n", shown.Location(fs.id),
		shown.Location(fs.cluster))
	return nil
}

// isTerminal reports whether somebody may answer on a reader. The null device is a character device too.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
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
