package mirrorset_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/scenario"
)

func TestScenarios(t *testing.T) {
	owned := func(name string) bool { return name == "findings.txt" }
	scenario.Run(t, owned, func(t *testing.T, s *scenario.Scenario) map[string]string {
		_, findings, _ := s.Rules(t)
		return map[string]string{"findings.txt": scenario.Text(findings)}
	})
}
