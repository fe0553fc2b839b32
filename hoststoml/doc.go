// Package hoststoml reads and writes hosts.toml, the file that tells containerd, and with it every
// Windows node, which hosts to ask for the images of one registry.
//
//	file, findings := hoststoml.Parse("hosts.toml", data)
//	if err := findings.Err(); err != nil {
//		return err // *mirrorset.RefusedError: containerd ignores the file, or cannot use a part of it
//	}
//	for _, host := range file.Hosts { // in the order they are asked
//		target, err := hoststoml.ParseTarget(host.URL, host.OverridePath)
//		…
//	}
//
// [Parse] reads a file into a [File], a plain struct, and reports everything that a containerd reads
// otherwise than its author likely meant. [File.Bytes] writes it back in a form that all versions read
// alike, [File.Validate] says what they would refuse. [Dir], [Dirs] and [HostFromDir] translate between
// registry hosts and the names of the directories that hold the files. Nothing here touches the disk.
//
// # The rules of containerd
//
// They are those of parseHostsFile and ConfigureHosts, not of the documentation: file
// core/remotes/docker/config/hosts.go of containerd v2.4.2, and remotes/docker/config/hosts.go of
// v1.7.35 and v1.6.20. Version 2 decodes with github.com/pelletier/go-toml/v2, the others with its
// version 1. Where they differ a File holds what v2.4.2 reads, and a finding names the difference.
//
//   - A file that cannot be read is not an error: containerd logs a line, ignores the file and contacts
//     the original registry. That covers malformed TOML, a repeated table, a value of the wrong type, an
//     unknown capability, a malformed duration or URL, and in version 2 a byte-order mark. CRLF line
//     ends are fine.
//   - Hosts are asked in the order of their tables, then Server. Without Server the original registry is
//     asked last, with every capability, whatever the settings at the top of the file say.
//   - Version 2 counts as hosts only what has a table header of its own: neither host = {…} nor dotted
//     keys. A sub-table that stands apart from its host makes version 2 ask that host twice.
//   - Versions 1.6, and 1.7 before 1.7.32, ignore a file without any host table. An empty [host] will do,
//     and Bytes writes one.
//   - Versions 1.6 and 1.7 do not understand quotes in a table name: "[", "]", '"' and "\" cannot stand
//     in the URL of a host, and an IPv6 address therefore neither.
//   - An empty or absent list of capabilities means all of them. "referrers" is known from 2.2 on;
//     before, it makes the whole file unreadable. dial_timeout is read by version 2 only.
//   - Keys that containerd does not know are ignored. Version 2 ignores letter case in the known ones,
//     versions 1.6 and 1.7 read server and SERVER, but not Server.
//   - ca and client paths that are not absolute start at the directory of the file. One that cannot be
//     read fails every pull from the registry; it is not looked at here.
package hoststoml
