//go:build !unix

package bench

import "time"

var began = time.Now()

// processorTime returns the time that has passed: other systems are not measured on.
func processorTime() time.Duration { return time.Since(began) }
