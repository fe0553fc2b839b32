package main

import (
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// A point is one small fault that can be put into a file: the bytes from start to end become text.
type point struct {
	file       string // relative to the module, with slashes
	start, end int
	text       string
	line, col  int
	function   string // as written: name, or (receiver).name
	original   string // the lines that the fault touches, in one line, spaces folded
	mutated    string // the same lines with the fault
}

func (p point) String() string {
	return fmt.Sprintf("%s:%d:%d %s\n\t- %s\n\t+ %s\n", p.file, p.line, p.col, p.function, p.original, p.mutated)
}

// key names the fault by what it does, not by where it stands, so that it survives other edits.
func (p point) key() [4]string { return [4]string{p.file, p.function, p.original, p.mutated} }

// apply returns the source with the fault.
func (p point) apply(source []byte) []byte {
	return slices.Concat(source[:p.start], []byte(p.text), source[p.end:])
}

// opposite is the operator that a fault puts in the place of another.
var opposite = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
	token.AND: "|", token.OR: "&", token.SHL: ">>", token.SHR: "<<",
}

// deciders are the functions of package strings whose last argument decides what becomes of the text.
var deciders = []string{"Contains", "ContainsAny", "Count", "Cut", "CutPrefix", "CutSuffix", "EqualFold",
	"HasPrefix", "HasSuffix", "Index", "IndexAny", "LastIndex", "LastIndexAny", "Split", "SplitN", "SplitSeq",
	"Trim", "TrimLeft", "TrimPrefix", "TrimRight", "TrimSuffix"}

// points returns every fault of a file in the order of its bytes. Some of them do not compile.
//
// A statement is deleted as "if false { … }" and an operand is removed as "(true || x)" or
// "(false && (x))", so that a name which is used nowhere else does not keep the fault from compiling.
// Room that is taken ahead, the capacity of make and what Grow makes, is left alone: no result
// depends on it.
//
// It is long, because one switch with a case of a few lines for each kind of node reads better in
// one piece.
//
//gocyclo:ignore
//nolint:funlen // as said above
func points(files *token.FileSet, name string, file *ast.File, source []byte) []point {
	var found []point
	var function string
	var results []*ast.FieldList // of the functions around the node
	offset := func(pos token.Pos) int { return files.Position(pos).Offset }
	text := func(n ast.Node) string { return string(source[offset(n.Pos()):offset(n.End())]) }
	add := func(from, to token.Pos, replacement string) {
		at := files.Position(from)
		p := point{file: name, start: at.Offset, end: offset(to), text: replacement, line: at.Line, col: at.Column,
			function: function}
		if slices.ContainsFunc(found, func(q point) bool {
			return q.start == p.start && q.end == p.end && q.text == p.text
		}) {
			return
		}
		first := strings.LastIndexByte(string(source[:p.start]), '\n') + 1
		last := len(source)
		if i := strings.IndexByte(string(source[p.end:]), '\n'); i >= 0 {
			last = p.end + i
		}
		fold := func(s ...string) string { return strings.Join(strings.Fields(strings.Join(s, "")), " ") }
		p.original = fold(string(source[first:last]))
		p.mutated = fold(string(source[first:p.start]), p.text, string(source[p.end:last]))
		found = append(found, p)
	}
	replace := func(n ast.Node, replacement string) { add(n.Pos(), n.End(), replacement) }
	remove := func(n ast.Node) { replace(n, "if false { "+text(n)+" }") }
	condition := func(e ast.Expr) {
		if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
			return // The shifted operator is the same fault.
		}
		if e != nil {
			replace(e, "!("+text(e)+")")
		}
	}
	empty := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if len(l.Value) == 2 {
				replace(l, `"mutant"`)
			} else {
				replace(l, `""`)
			}
		}
	}
	var visit func(ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			function = n.Name.Name
			if n.Recv != nil {
				var receiver strings.Builder
				printer.Fprint(&receiver, files, n.Recv.List[0].Type)
				function = "(" + receiver.String() + ")." + function
			}
			if n.Body != nil {
				results = append(results, n.Type.Results)
				ast.Inspect(n.Body, visit)
				results = results[:len(results)-1]
			}
			function = ""
			return false
		case *ast.FuncLit:
			results = append(results, n.Type.Results)
			ast.Inspect(n.Body, visit)
			results = results[:len(results)-1]
			return false
		case *ast.ImportSpec:
			return false
		case *ast.IfStmt:
			condition(n.Cond)
		case *ast.ForStmt:
			condition(n.Cond)
		case *ast.CaseClause:
			for _, e := range n.List {
				empty(e)
			}
		case *ast.BinaryExpr:
			if op, ok := opposite[n.Op]; ok {
				add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), op)
			}
			switch n.Op {
			case token.EQL, token.NEQ:
				empty(n.X)
				empty(n.Y)
			case token.LAND:
				replace(n.X, "(true || "+text(n.X)+")")
				replace(n.Y, "(true || "+text(n.Y)+")")
			case token.LOR:
				replace(n.X, "(false && ("+text(n.X)+"))")
				replace(n.Y, "(false && ("+text(n.Y)+"))")
			}
		case *ast.CallExpr:
			if call := called(n); call == "make" && len(n.Args) == 3 {
				ast.Inspect(n.Args[1], visit)
				return false
			} else if strings.EqualFold(call, "grow") {
				return false
			}
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 1 && slices.Contains(deciders, f.Sel.Name) {
				if x, ok := f.X.(*ast.Ident); ok && x.Name == "strings" {
					empty(n.Args[1])
				}
			}
		case *ast.Ident:
			switch n.Name {
			case "true":
				replace(n, "false")
			case "false":
				replace(n, "true")
			}
		case *ast.BasicLit:
			if n.Kind == token.INT {
				replace(n, "("+n.Value+"+1)")
			}
		case *ast.AssignStmt:
			if call, ok := n.Rhs[0].(*ast.CallExpr); n.Tok != token.DEFINE && !(ok && called(call) == "Grow") {
				remove(n)
			}
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); !ok || !strings.EqualFold(called(call), "grow") {
				remove(n)
			}
		case *ast.IncDecStmt, *ast.BranchStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
			remove(n)
		case *ast.ReturnStmt:
			remove(n)
			zero(n, results[len(results)-1], text, replace)
		}
		return true
	}
	ast.Inspect(file, visit)
	slices.SortStableFunc(found, func(p, q point) int { return p.start - q.start })
	number(found)
	return found
}

// called returns the name of the function or method that is called.
func called(n *ast.CallExpr) string {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// zero has each value of a return statement replaced by the zero value of its type.
func zero(n *ast.ReturnStmt, results *ast.FieldList, text func(ast.Node) string, replace func(ast.Node, string)) {
	if results == nil || len(n.Results) != results.NumFields() {
		return
	}
	i := 0
	for _, field := range results.List {
		for range max(1, len(field.Names)) {
			switch v := text(n.Results[i]); v {
			case "nil", "true", "false", "0", `""`: // Zero, or a fault of another kind.
			default:
				if !strings.HasSuffix(v, "{}") {
					replace(n.Results[i], "*new("+text(field.Type)+")")
				}
			}
			i++
		}
	}
}

// number tells faults of one function apart that read the same: the second gets "(2)" behind it.
func number(found []point) {
	seen := map[[4]string]int{}
	for i := range found {
		k := found[i].key()
		if seen[k]++; seen[k] > 1 {
			found[i].mutated += fmt.Sprintf(" (%d)", seen[k])
		}
	}
}
