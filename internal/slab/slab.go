// Package slab takes memory for many small lists in few large pieces.
package slab

// Of makes lists of T. The zero value is ready. A piece stays as long as any list of it.
type Of[T any] struct {
	free []T
	size int // of the last piece
}

// Make returns an empty list with room for n items.
func (s *Of[T]) Make(n int) []T {
	if n > len(s.free) {
		s.size = min(max(2*s.size, 16), most)
		s.free = make([]T, max(n, s.size))
	}
	list := s.free[:0:n]
	s.free = s.free[n:]
	return list
}

// most is the number of items in the largest piece that is taken ahead.
const most = 4096
