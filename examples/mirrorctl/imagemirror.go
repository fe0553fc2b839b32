//go:build !js

package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// imageMirror keeps the image mirrors of managed clusters, as the cluster-management service does.
// The service's place is taken by a file, and what the service would generate, ids and times, is
// generated here.
func (p *program) imageMirror() *cobra.Command {
	c := &cobra.Command{
		Use: "image-mirror VERB", Short: "create, edit, list and delete the image mirrors of managed clusters",
		DisableFlagsInUseLine: true, RunE: oneOf,
	}
	c.AddCommand(p.createImageMirror(), p.editImageMirror(), p.listImageMirrors(), p.deleteImageMirror())
	return c
}

// ofCluster are the flags of every verb.
type ofCluster struct {
	cluster, file, id string
	takesID           bool
}

// clusterFlags adds --cluster and --store.
func clusterFlags(c *cobra.Command) *ofCluster {
	o := &ofCluster{}
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.Flags().StringVarP(&o.cluster, "cluster", "c", "", "the `NAME` of the cluster; required")
	c.Flags().StringVar(&o.file, "store", "", "the `FILE` that holds the image mirrors of all clusters; required")
	return o
}

// idFlag adds --id, which may also be given as an argument.
func (o *ofCluster) idFlag(c *cobra.Command) {
	o.takesID = true
	c.Flags().StringVar(&o.id, "id", "", "the `ID` of the image mirror")
}

// store returns what --store names, or says which of the flags required are missing.
func (o *ofCluster) store(rest []string) (managed.Store, error) {
	if o.takesID && o.id == "" && len(rest) > 0 {
		o.id, rest = rest[0], rest[1:]
	}
	switch {
	case o.cluster == "":
		return nil, fmt.Errorf("%w: --cluster is missing; name the cluster", errUsage)
	case o.file == "":
		return nil, fmt.Errorf("%w: --store is missing; name the file that holds the image mirrors", errUsage)
	case o.takesID && o.id == "":
		return nil, fmt.Errorf("%w: the id is missing; give it as an argument or with --id", errUsage)
	case len(rest) > 0:
		return nil, fmt.Errorf(`%w: "%s" is one argument too many`, errUsage, shown.Location(rest[0]))
	}
	return managed.File{Path: o.file}, nil
}

// typeFlag adds --type.
func typeFlag(c *cobra.Command) *string {
	return c.Flags().String("type", string(mirrorset.ByDigest), "the `TYPE`; digest is the only one")
}

// mirrorsFlag adds --mirrors. Its values are lists, and it repeats.
func mirrorsFlag(c *cobra.Command) *mirrorList {
	list := new(mirrorList)
	c.Flags().Var(list, "mirrors", "the mirrors, most preferred first: a comma-separated `LIST`; repeats; required")
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

func (p *program) createImageMirror() *cobra.Command {
	c := &cobra.Command{Use: "create", Short: "redirect pulls by digest of a source to mirrors"}
	o := clusterFlags(c)
	source := c.Flags().String("source", "", "the registry, namespace or `REPOSITORY` whose pulls are "+
		"redirected; required")
	mirrors, kind := mirrorsFlag(c), typeFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := o.store(args)
		switch {
		case err != nil:
			return err
		case *source == "":
			return fmt.Errorf("%w: --source is missing; name what is to be mirrored", errUsage)
		case len(*mirrors) == 0:
			return fmt.Errorf("%w: --mirrors is missing; name at least one mirror", errUsage)
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
func (p *program) put(store managed.Store, cluster string, m mirrorset.ImageMirror, do change, said, mirrors string) error {
	err := store.Update(cluster, func(c *managed.Cluster) (err error) {
		m, err = do(c, m)
		return err
	})
	if err == nil {
		fmt.Fprintf(p.stdout, "I: Image mirror "+said+" cluster '%s'\n", m.ID, shown.Location(cluster))
		fmt.Fprintf(p.stdout, "I: Source: %s\nI: %s: %v\n", m.Source, mirrors, m.Mirrors)
	}
	return err
}

func (p *program) editImageMirror() *cobra.Command {
	c := &cobra.Command{Use: "edit ID", Short: "replace the mirrors of an image mirror, as a whole"}
	o := clusterFlags(c)
	o.idFlag(c)
	source := c.Flags().String("source", "", "the `REPOSITORY` that the image mirror has; it cannot be changed")
	mirrors, kind := mirrorsFlag(c), typeFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := o.store(args)
		switch {
		case err != nil:
			return err
		case len(*mirrors) == 0 && *source == "":
			return fmt.Errorf("%w: --mirrors is missing; name all the mirrors that there are to be", errUsage)
		}
		return p.put(store, o.cluster, mirrorset.ImageMirror{
			ID: o.id, Type: mirrorset.Pull(*kind), Source: *source, Mirrors: *mirrors, LastUpdateTimestamp: now(),
		}, (*managed.Cluster).Edit, "'%s' has been updated on", "Updated mirrors")
	}
	return c
}

func (p *program) listImageMirrors() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "show the image mirrors of a cluster, to be read or for resolve -f"}
	o := clusterFlags(c)
	out := form{"", []string{"json", "yaml"}}
	addFlag(c, &out, "output", "o", "print `json` or yaml in the place of the table; resolve -f reads both", out.all)
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := o.store(args)
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
		fmt.Fprintf(p.stderr, "I: Cluster '%s' has no image mirrors\n", shown.Location(cluster))
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tSOURCE\tMIRRORS")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.Type, m.Source, strings.Join(m.Mirrors, ", "))
	}
	return w.Flush()
}

func (p *program) deleteImageMirror() *cobra.Command {
	c := &cobra.Command{Use: "delete ID", Short: "take an image mirror away"}
	o := clusterFlags(c)
	o.idFlag(c)
	yes := c.Flags().BoolP("yes", "y", false, "delete without asking")
	c.RunE = func(_ *cobra.Command, args []string) error {
		store, err := o.store(args)
		if err != nil {
			return err
		}
		return p.delete(store, o.cluster, o.id, *yes)
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
		fmt.Fprintf(p.stderr, "Delete image mirror '%s' from cluster '%s'? (y/N) ", shown.Location(id),
			shown.Location(cluster))
		if !agrees(p.stdin) {
			fmt.Fprintf(p.stderr, "I: Image mirror '%s' has not been deleted\n", shown.Location(id))
			return nil
		}
	}
	err = store.Update(cluster, func(c *managed.Cluster) error {
		_, err := c.Delete(id)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "I: Image mirror '%s' has been deleted from cluster '%s'\n", shown.Location(id),
		shown.Location(cluster))
	return nil
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
