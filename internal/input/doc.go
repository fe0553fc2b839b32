// Package input reads what people hold: manifests, a node's own files, a List on standard input, a
// repository, a must-gather, an archive of one. What a file is, its content says; where a file lies
// tells which node, and which cluster, it belongs to.
//
//	in, err := input.Read([]string{"must-gather.tar.gz"}, nil)
//	…
//	from, err := in.Pick(finding.Linux, input.Choice{}) // what one question is asked of
//
// Lint looks at everything, in clusters and nodes; every other question is asked of one of them.
package input
