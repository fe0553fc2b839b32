package routes

import (
	"fmt"
	"testing"

	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/resolve"
)

// BenchmarkClasses lists all classes of large tables, beside building the table itself.
func BenchmarkClasses(b *testing.B) {
	for _, shape := range []shapes.Shape{{Name: "sources", Set: shapes.Sources}, {Name: "nested", Set: shapes.Nested}} {
		rules, _ := shape.Set(10_000).Rules()
		b.Run(shape.Name+"/table", func(b *testing.B) {
			for b.Loop() {
				resolve.NewLinuxTable(rules)
			}
		})
		b.Run(shape.Name+"/classes", func(b *testing.B) {
			table := resolve.NewLinuxTable(rules)
			for b.Loop() {
				n := 0
				for range Linux(table).Classes() {
					n++
				}
				b.ReportMetric(float64(n), "classes")
			}
		})
		b.Run(shape.Name+"/100 statements", func(b *testing.B) {
			table := resolve.NewLinuxTable(rules)
			var statements []Statement
			for i := range 100 {
				statements = append(statements, Statement{Never: fmt.Sprintf("registry%d.example.com/org%d", i%97, i)})
			}
			for b.Loop() {
				Check(statements, Linux(table), nil)
			}
		})
	}
}
