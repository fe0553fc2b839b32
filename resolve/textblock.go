package resolve

import "strings"

// textBlock joins texts in one piece of memory. It is what keeps a plan within four allocations:
// the locations of a plan take one allocation together, and not one each (docs/performance.md,
// "Tricks, tried without").
type textBlock struct{ text strings.Builder }

// newTextBlock returns a block with room for size bytes. More may follow; they take another piece.
func newTextBlock(size int) *textBlock {
	b := &textBlock{}
	b.text.Grow(size)
	return b
}

// join returns the parts as one text.
func (b *textBlock) join(parts ...string) string {
	start := b.text.Len()
	for _, part := range parts {
		b.text.WriteString(part)
	}
	return b.text.String()[start:]
}
