package mirrorset

import "slices"

// keys are the keys of a mapping: a list of the few that nearly all mappings have, and a map of more.
//
// A map alone does the same. The list saves a fifth of the time of reading JSON, and 7 % of a whole
// run of mirrorctl over 10,000 objects (docs/performance.md, "Tricks, tried without").
type keys struct {
	few  [12]string
	n    int // of them
	more map[string]bool
}

// add reports whether a key was there before.
func (s *keys) add(key string) bool {
	if slices.Contains(s.few[:s.n], key) || s.more[key] {
		return true
	}
	if s.n < len(s.few) {
		s.few[s.n] = key
		s.n++
		return false
	}
	if s.more == nil {
		s.more = map[string]bool{}
	}
	s.more[key] = true
	return false
}
