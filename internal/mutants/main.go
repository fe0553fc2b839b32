// Mutants puts small faults into the code, one at a time, and runs the tests: a fault that no test
// notices, a survivor, is behaviour that no test states.
//
//	go run ./internal/mutants -n 300 -seed 1 ./mirrorset ./resolve ./hoststoml ./registriesconf
//
// The faults are those of points.go: a condition or a comparison turned, an operand or a statement
// gone, a constant changed, a result zeroed. The seed decides which of them are taken and in which
// order; those that do not compile are passed over and counted. All of them are compiled at once
// (switch.go), into a copy of the module that is laid anew for each: a fault in a path can make a
// test write or remove files where it does not look. At first each test runs alone without a fault,
// which tells how long it takes and which functions it reaches; then those that reach the fault run,
// the quick ones first. A test that fails, or that needs four times as long as without the fault and
// -grace more, kills. equivalent.txt lists faults that change no behaviour, with the argument; they
// are counted, not run.
package main

import (
	"cmp"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed equivalent.txt
var equivalent string

type options struct {
	n          int
	seed       uint64
	parallel   int
	budget     time.Duration
	grace      time.Duration
	skip       string
	equivalent string
	patterns   []string
}

func main() {
	o := options{equivalent: equivalent}
	flag.IntVar(&o.n, "n", 60, "how many faults to try")
	flag.Uint64Var(&o.seed, "seed", 1, "decides which")
	flag.IntVar(&o.parallel, "parallel", 1, "how many at once")
	flag.DurationVar(&o.budget, "budget", 3*time.Hour, "begin no further fault after that time")
	flag.DurationVar(&o.grace, "grace", 20*time.Second, "what tests may take beyond four times their time")
	flag.StringVar(&o.skip, "skip", "/internal/(growth|mutants)$", "packages whose tests do not run")
	flag.Parse()
	o.patterns = flag.Args()
	if err := mutate(".", o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// mutate tries the faults in the packages under the directories that o names, in the module at
// root. The survivors and the total go to out, each fault as soon as it was tried to progress.
func mutate(root string, o options, out, progress io.Writer) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	skip, err := regexp.Compile(o.skip)
	if err != nil {
		return err
	}
	listed, err := readEquivalent(o.equivalent)
	if err != nil {
		return err
	}
	patterns := slices.Clone(o.patterns)
	for i := range patterns {
		patterns[i] = strings.TrimSuffix(patterns[i], "/") + "/..."
	}
	packages, err := load(root, patterns)
	if err != nil {
		return err
	}
	see, dirs, err := dependents(root, packages)
	if err != nil {
		return err
	}
	all, err := mutants(root, packages)
	if err != nil {
		return err
	}
	for _, p := range stale(listed, all) {
		fmt.Fprintf(out, "stale entry of the list of equivalent faults: %s %s\n\t- %s\n\t+ %s\n", p[0], p[1],
			p[2], p[3])
	}

	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	base := filepath.Join(dir, "base") // The module may change while the tests run.
	if err := copyModule(root, base); err != nil {
		return err
	}
	for p, names := range see {
		see[p] = slices.DeleteFunc(names, skip.MatchString)
	}
	count := map[string]int{}
	sample := choose(all, listed, o, count)
	fmt.Fprintf(out, "%d points in %d packages, %d tried, seed %d\n", len(all), len(packages), len(sample), o.seed)
	survivors, tried, err := tryAll(tester{dir: dir, see: see, dirs: dirs}, sample, o, count, progress)
	if err != nil {
		return err
	}
	summarize(out, survivors, count, len(sample)-tried)
	return nil
}

// summarize prints the survivors, and the counts.
func summarize(out io.Writer, survivors []*mutant, count map[string]int, left int) {
	for _, m := range survivors {
		fmt.Fprint(out, m)
	}
	killed := count["killed"] + count["timed out"]
	fmt.Fprintf(out, "killed %d (%d by time), survived %d, equivalent %d, not compilable %d, not run %d: "+
		"%.1f %% killed\n",
		killed, count["timed out"], len(survivors), count["equivalent"], count["not compilable"], left,
		100*float64(killed)/float64(max(1, killed+len(survivors))))
}

// choose returns the faults to try, and counts those that it passes over. The sample is fixed
// before the first test runs, so that it depends on the seed alone.
func choose(all []*mutant, listed map[[4]string]string, o options, count map[string]int) []*mutant {
	var sample []*mutant
	for _, i := range rand.New(rand.NewPCG(o.seed, 0)).Perm(len(all)) {
		if len(sample)+count["equivalent"] == o.n {
			break
		}
		if m := all[i]; !m.compiles() {
			count["not compilable"]++
		} else if _, ok := listed[m.key()]; ok {
			count["equivalent"]++
		} else {
			sample = append(sample, m)
		}
	}
	return sample
}

// tryAll tries faults until the budget ends. It counts the results, and returns the survivors in
// the order of the files, and how many faults it has tried.
func tryAll(like tester, sample []*mutant, o options, count map[string]int,
	progress io.Writer) (survivors []*mutant, tried int, err error) {
	if len(sample) == 0 {
		return nil, 0, nil
	}
	limits := &limits{grace: o.grace}
	var lock sync.Mutex
	var workers sync.WaitGroup
	end := time.Now().Add(o.budget)
	for w := range o.parallel {
		t := like
		t.base, t.dir, t.limits = like.in("base"), like.in(fmt.Sprint(w)), limits
		if err := t.prepare(sample); err != nil {
			return nil, 0, err
		}
		if w == 0 {
			if err := t.measure(); err != nil {
				return nil, 0, err
			}
			for _, r := range limits.left {
				fmt.Fprintf(progress, "%s of %s fails where faults can be switched on, and does not run\n", r.tests[0], r.pkg)
			}
		}
		workers.Go(func() {
			lock.Lock()
			defer lock.Unlock()
			for tried < len(sample) && time.Now().Before(end) && err == nil {
				m, number := sample[tried], tried+1
				tried++
				lock.Unlock()
				result, failed := t.try(m, number)
				lock.Lock()
				err = errors.Join(err, failed)
				count[result]++
				if result == "survived" {
					survivors = append(survivors, m)
				}
				fmt.Fprintf(progress, "%d of %d %s: %v", number, len(sample), result, m)
			}
		})
	}
	workers.Wait()
	slices.SortFunc(survivors, func(a, b *mutant) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.start, b.start), cmp.Compare(a.mutated, b.mutated))
	})
	return survivors, tried, err
}

// stale returns the entries of the list that name a file of the packages and no fault in it.
func stale(listed map[[4]string]string, all []*mutant) [][4]string {
	files, keys := map[string]bool{}, map[[4]string]bool{}
	for _, m := range all {
		files[m.file], keys[m.key()] = true, true
	}
	var found [][4]string
	for k := range listed {
		if !keys[k] && files[k[0]] {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b [4]string) int { return slices.Compare(a[:], b[:]) })
	return found
}
