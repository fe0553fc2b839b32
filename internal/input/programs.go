package input

// This file looks at the configuration of CRI-O and of containerd themselves, which can decide where a
// pull goes instead of the files that are read, and says so.

// program looks for what a file says of CRI-O and of containerd, and reports whether it says anything.
func (in *Input) program(f *found) bool {
	if crioLine.Match(f.data) {
		in.findings = append(in.findings, ofCRIO(f.name, f.data))
		return true
	}
	c, ok := newContainerdFile(f)
	if ok {
		in.containerd = append(in.containerd, c)
	}
	return ok
}
