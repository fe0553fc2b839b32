package replace

// unsupported: Windows cannot sync a directory; its file systems journal names.
func unsupported(error) bool { return true }
