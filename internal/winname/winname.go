// Package winname knows the names that the directory of a registry cannot have: those that Windows
// keeps for devices, and those that are too long.
package winname

import "strings"

// Longest is the most characters that a directory's name may have. It is prepared under the same name
// with ".", and "~new" or "~old", and the disks of Windows and Linux take 255.
const Longest = 255 - len(".~new")

// Reserved reports whether a file or directory cannot have the name on Windows because it is that
// of a device: CON, PRN, AUX, NUL, COM1 to COM9, LPT1 to LPT9, the same with the digits ¹ ² ³,
// CONIN$ and CONOUT$, in any letter case, with or without an extension: everything from the first
// dot on, and spaces before it, is passed over. So aux.example.com is one, and con_5000_ is none.
//
// The rule is that of Microsoft's "Naming Files, Paths, and Namespaces"; CONIN$ and CONOUT$ are of
// CreateFile's page, "Consoles". Windows 11 lets names with an extension through; the servers that
// nodes run do not.
func Reserved(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	if !ok {
		return false
	}
	switch port {
	case "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
