// Package report counts what the comparisons compared, and prints the counts as a table of
// docs/conformance.md.
package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pullroute/pullroute/conformance/random"
)

var update = flag.Bool("update", false, "write the table of this run, which has to be a full one, into "+
	"docs/conformance.md")

// Row is one line of the table.
type Row struct {
	// Client names a program or library with its version, Compared what was compared.
	Client, Compared                  string
	Configurations, Pulls, Mismatches int
}

var (
	mu   sync.Mutex
	rows []*Row
)

// Add starts a row; the caller counts in it. Rows are printed in the order they were started.
func Add(client, compared string) *Row {
	mu.Lock()
	defer mu.Unlock()
	r := &Row{Client: client, Compared: compared}
	rows = append(rows, r)
	return r
}

// Main runs the tests of a package, prints the seed and the table and, with -update, writes them
// between the lines "<!-- conformance NAME -->" and "<!-- end NAME -->" of docs/conformance.md.
// docs is the path of that directory.
//
// budget is what a run that is not a full one should take on two cores at most.
func Main(m *testing.M, name, docs string, budget time.Duration) {
	flag.Parse()
	counts := random.Part()
	if !random.Long() {
		counts += fmt.Sprintf(", in %v at most", budget)
	}
	fmt.Printf("seed %d, %s\n", random.Seed(), counts)
	began := time.Now()
	code := m.Run()
	table := table()
	fmt.Print(table)
	took := time.Since(began).Round(time.Second)
	fmt.Printf("took %v", took)
	if !random.Long() && took > budget {
		fmt.Printf(", longer than the budget of %v", budget)
	}
	fmt.Println()
	switch {
	case code != 0:
	case *update && !random.Long():
		fmt.Fprintln(os.Stderr, "-update records a full run only: give -long too")
		code = 1
	case *update:
		record := fmt.Sprintf("`-long -seed %d`, on %s:\n\n%s", random.Seed(), began.UTC().Format(time.DateOnly), table)
		if err := write(filepath.Join(docs, "conformance.md"), name, record); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func table() string {
	var b strings.Builder
	b.WriteString("| client | compared | configurations | pulls | mismatches |\n|---|---|---:|---:|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d |\n", r.Client, r.Compared, r.Configurations, r.Pulls, r.Mismatches)
	}
	return b.String()
}

func write(page, name, record string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := []byte("<!-- conformance "+name+" -->\n"), []byte("<!-- end "+name+" -->")
	head, rest, ok := bytes.Cut(text, begin)
	_, tail, found := bytes.Cut(rest, end)
	if !ok || !found {
		return fmt.Errorf("%s has no lines %q and %q", page, begin, end)
	}
	return os.WriteFile(page, bytes.Join([][]byte{head, begin, []byte(record), end, tail}, nil), 0o644)
}
