// Package near tells words that differ by a slip.
package near

import "strings"

// Slip reports whether two words differ in nothing but a letter too many, too few or another one, or in
// two that changed places.
func Slip(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// Word returns the one of some words that was meant by a word which is none of them: the first that
// is the same in another letter case or differs by a slip, and after those the first that begins with
// it. It returns "" where there is none.
func Word(word string, words []string) string {
	word = strings.ToLower(word)
	for _, w := range words {
		if Slip(word, strings.ToLower(w)) {
			return w
		}
	}
	for _, w := range words {
		if len(word) > 1 && strings.HasPrefix(w, word) {
			return w
		}
	}
	return ""
}
