package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// switchFile is the file that a package with faults gets. Which fault is on is read from a file, not from
// the environment, which tests keep from the programs that they run.
const switchFile = "mutant_switch.go"

const switchText = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

// mutantFile holds the number of the fault that is on.
const mutantFile = %q

var mutantSwitch = func() int {
	text, _ := os.ReadFile(mutantFile)
	number, _ := strconv.Atoi(string(text))
	return number
}()

var mutantsReached sync.Map

func mutant(number int) bool {
	if mutantSwitch == %d {
		if _, old := mutantsReached.LoadOrStore(number, true); !old {
			f, err := os.OpenFile(mutantFile+".reached", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
			if err == nil {
				fmt.Fprintln(f, number)
				f.Close()
			}
		}
	}
	return mutantSwitch == number
}
`

// record is the number that switches no fault on, and has those noted that are reached.
const record = -1

// switched puts faults into the module at root, each of them off until its number, the place in
// faults counted from 1, stands in the file on. The body of a function with the fault comes before
// the body without it:
//
//	func f() { if mutant(7) { BODY WITH FAULT }; BODY }
//
// A fault outside of a function is left out: it gets a module of its own (alone).
func switched(root, on string, faults []*mutant) error {
	type file struct {
		of    *pkg
		index int
	}
	inserts := map[file]map[int]string{} // by the offset behind the brace that opens a body
	for i, m := range faults {
		body := m.body()
		if body == nil {
			continue
		}
		f := file{m.pkg, m.index}
		if inserts[f] == nil {
			inserts[f] = map[int]string{}
		}
		from := m.pkg.files.Position(body.Lbrace).Offset + 1
		inserts[f][from] += fmt.Sprintf("if mutant(%d) {%s};", i+1, m.switchedBody())
	}
	for f, at := range inserts {
		source := string(f.of.source[f.index])
		offsets := make([]int, 0, len(at))
		for offset := range at {
			offsets = append(offsets, offset)
		}
		slices.Sort(offsets)
		for _, offset := range slices.Backward(offsets) {
			source = source[:offset] + at[offset] + source[offset:]
		}
		dir := filepath.Join(root, f.of.dir)
		if err := os.WriteFile(filepath.Join(dir, f.of.GoFiles[f.index]), []byte(source), 0o644); err != nil {
			return err
		}
		text := fmt.Sprintf(switchText, f.of.syntax[f.index].Name.Name, on, record)
		if err := os.WriteFile(filepath.Join(dir, switchFile), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// turn writes which fault is on, 0 for none or record, and forgets what was reached.
func turn(on string, number int) error {
	return errors.Join(os.RemoveAll(on+".reached"), os.WriteFile(on, []byte(strconv.Itoa(number)), 0o644))
}

// declaration returns the function that a fault is in the body of, nil where there is none.
func (m *mutant) declaration() *ast.FuncDecl {
	for _, d := range m.pkg.syntax[m.index].Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Body != nil && m.pkg.files.Position(f.Body.Lbrace).Offset < m.start &&
			m.end <= m.pkg.files.Position(f.Body.Rbrace).Offset {
			return f
		}
	}
	return nil
}

// body returns the body that a fault is in, nil where it is in none.
func (m *mutant) body() *ast.BlockStmt {
	if f := m.declaration(); f != nil {
		return f.Body
	}
	return nil
}

// switchedBody returns what stands between the braces of a body with the fault, made to end the function. The
// labels of a function are told apart by a function around the body.
func (m *mutant) switchedBody() string {
	f, source := m.declaration(), string(m.pkg.source[m.index])
	offset := func(pos token.Pos) int { return m.pkg.files.Position(pos).Offset }
	from, to := offset(f.Body.Lbrace)+1, offset(f.Body.Rbrace)
	text := source[from:m.start] + m.text + source[m.end:to]
	labelled := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		_, label := n.(*ast.LabeledStmt)
		labelled = labelled || label
		return true
	})
	results := ""
	if r := f.Type.Results; r != nil {
		results = source[offset(r.Pos()):offset(r.End())]
	}
	switch {
	case labelled && results != "":
		return " return func() " + results + " {" + text + "}() "
	case labelled:
		return " func() {" + text + "}(); return "
	case results == "":
		return text + "\nreturn "
	}
	return strings.TrimRight(text, " \t") + " "
}
