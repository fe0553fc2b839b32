// Package report counts what the comparisons compared, and prints the counts as the table of the README.
package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pullroute/pullroute/conformance/random"
)

var update = flag.Bool("update", false, "write the table of this run into the README of the repository")

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

// Main runs the tests of a package, prints the seed and the table and, with -update, writes it between
// the README's lines "<!-- conformance NAME -->" and "<!-- end NAME -->". readme is its path.
func Main(m *testing.M, name, readme string) {
	flag.Parse()
	fmt.Printf("seed %d\n", random.Seed())
	code := m.Run()
	table := table()
	fmt.Print(table)
	if code == 0 && *update {
		if err := write(readme, name, table); err != nil {
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

func write(readme, name, table string) error {
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	begin, end := []byte("<!-- conformance "+name+" -->\n"), []byte("<!-- end "+name+" -->")
	head, rest, ok := bytes.Cut(text, begin)
	_, tail, found := bytes.Cut(rest, end)
	if !ok || !found {
		return fmt.Errorf("%s has no lines %q and %q", readme, begin, end)
	}
	return os.WriteFile(readme, bytes.Join([][]byte{head, begin, []byte(table), end, tail}, nil), 0o644)
}
