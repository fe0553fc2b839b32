// Package docs holds pages of documentation for programs that show them.
package docs

import _ "embed"

// Findings is the page findings.md: every finding code, what it means and what to do.
//
//go:embed findings.md
var Findings string
