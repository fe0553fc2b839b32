// Command probe asks every location of an image's plan, in order, as a node would, and says who serves it.
//
//	probe --platform linux|windows|containerd -f INPUT... [--credentials docker|podman|FILE]... IMAGE...
//
// The plan is that of package resolve (plan.go). Each attempt is asked with its scheme, the certificates and
// the credential that the node has for it (ask.go, credentials.go), by way of a gate that lets no request
// to any host through that is neither in the plan nor named by a planned location itself (gate.go). What
// was learnt is a report (report.go).
//
// The exit code is 0 where every image is served, 1 where one is not or the input was refused, and 2 for
// wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

var (
	errUsage     = errors.New("wrong usage")
	errNotServed = errors.New("an image is served by no location")
)

// run runs the command and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runWith(ctx, &options{}, args, stdin, stdout, stderr)
}

func runWith(ctx context.Context, o *options, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := o.command(stdin, stdout, stderr)
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotServed):
		return 1
	}
	fmt.Fprintln(stderr, "probe: "+shown.Text(input.ErrorText(err)))
	if errors.Is(err, errUsage) {
		fmt.Fprintln(stderr, "usage: probe --platform PLATFORM -f INPUT IMAGE...; probe -h says more")
		return 2
	}
	return 1
}

// options are the flags.
type options struct {
	planOptions
	askOptions
	lists  []string
	limit  int
	output string
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o *options) command(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use: "probe [IMAGE]...", Short: "ask every planned location of images, and say who serves them",
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, images []string) error {
			return o.run(c.Context(), images, stdin, stdout, stderr)
		},
	}
	c.SetOut(stdout)
	c.SetErr(stderr)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text := err.Error() // which repeats the value
		if wrong := new(pflag.InvalidValueError); errors.As(err, &wrong) {
			text = strings.ReplaceAll(text, wrong.GetValue(), shown.Location(wrong.GetValue()))
		}
		return fmt.Errorf("%w: %s", errUsage, text)
	})
	f := c.Flags()
	f.StringArrayVarP(&o.files, "file", "f", nil, "manifests, or a node's own files, as mirrorctl takes them; repeats")
	f.StringVar(&o.platform, "platform", "", "the node that is asked for: linux, windows or containerd")
	f.StringVar(&o.client, "client", "", "the program that pulls, as mirrorctl's --client")
	f.StringArrayVar(&o.hosts, "host", nil, "windows, containerd: a registry that wildcards are expanded for; repeats")
	f.StringArrayVar(&o.lists, "from", nil, "a file of images, as mirrorctl's --from; repeats")
	f.StringVar(&o.node, "node", "", "the node's own platform, os/arch (default windows/amd64 or linux/amd64)")
	f.BoolVar(&o.layers, "layers", false, "also ask for every blob of the image")
	f.StringArrayVar(&o.credentials, "credentials", nil, "docker, podman (their own files) or a `FILE` of the same "+
		"form, such as a pull secret; repeats, the first with a credential counts")
	f.StringArrayVar(&o.cas, "ca", nil, "certificates in PEM that the node trusts everywhere, as its system's; repeats")
	f.StringVar(&o.certsD, "certs-d", "", "linux: the node's /etc/docker/certs.d or a copy of it")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long one location may take")
	f.IntVar(&o.limit, "limit", 8, "how many images are asked for at once")
	f.StringVarP(&o.output, "output", "o", "text", "text or json")
	return c
}

func (o *options) run(ctx context.Context, images []string, stdin io.Reader, stdout, stderr io.Writer) error {
	for _, name := range o.lists {
		listed, err := input.ReadImages(name)
		if err != nil {
			return err
		}
		for _, image := range listed.Images {
			images = append(images, image.Name)
		}
	}
	switch {
	case len(images) == 0:
		return fmt.Errorf("%w: no image to ask for", errUsage)
	case o.limit < 1 || o.timeout <= 0:
		return fmt.Errorf("%w: --limit and --timeout are to be positive", errUsage)
	case !slices.Contains([]string{"text", "json"}, o.output):
		return fmt.Errorf("%w: -o is to be text or json", errUsage)
	}
	from, err := o.read(stdin)
	if err != nil {
		return err
	}
	ask, err := newAsker(from, o.askOptions)
	if err != nil {
		return err
	}
	ask.dial = o.dial
	plans := make([]*planned, len(images))
	for i, image := range images {
		if plans[i], err = from.plan(image); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	reports := askAll(ctx, ask, plans, o.limit, newProgress(stderr, len(plans)))
	if err := show(stdout, reports, o.output == "json"); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if slices.ContainsFunc(reports, func(r *Report) bool { return r.Outcome != Served }) {
		return errNotServed
	}
	return nil
}

// askAll asks for images, a few at once, and returns the reports in the order of the plans.
func askAll(ctx context.Context, ask *asker, plans []*planned, limit int, p *progress) []*Report {
	reports := make([]*Report, len(plans))
	slots := make(chan struct{}, limit)
	var all sync.WaitGroup
	for i, plan := range plans {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			reports[i] = ask.image(ctx, plan)
			p.done()
		})
	}
	all.Wait()
	p.end()
	return reports
}
