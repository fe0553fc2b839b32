package main

import (
	"fmt"
	"strings"
)

// readEquivalent reads the list of faults that change no behaviour. An entry is a block of lines,
// apart from the next by an empty line; # begins a line of comment:
//
//	FILE FUNCTION
//	- the original lines, in one line
//	+ the mutated lines, in one line
//	why no caller can tell the two apart
//
// The first three are as a survivor is printed, without line and column.
func readEquivalent(list string) (map[[4]string]string, error) {
	entries := map[[4]string]string{}
	var block []string
	end := func() error {
		if block == nil {
			return nil
		}
		file, function, _ := strings.Cut(block[0], " ")
		if len(block) < 4 || !strings.HasPrefix(block[1], "- ") || !strings.HasPrefix(block[2], "+ ") {
			return fmt.Errorf("the entry %q is not a file and function, a line with -, a line with + and an argument", block[0])
		}
		entries[[4]string{file, function, block[1][2:], block[2][2:]}] = strings.Join(block[3:], " ")
		block = nil
		return nil
	}
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			if err := end(); err != nil {
				return nil, err
			}
		case !strings.HasPrefix(line, "#"):
			block = append(block, line)
		}
	}
	return entries, end()
}
