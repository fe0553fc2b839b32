package hoststoml

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// K3sFindings returns findings of [ReadTree] as they are for a node of k3s or RKE2, of which
// [Tree.K3sTable] is the table: what upstream containerd does not read is no finding there, and what
// only theirs ignores is one. dir is the directory that was read.
func (t Tree) K3sFindings(dir string, findings finding.Findings) finding.Findings {
	files := make(map[string]*File, len(t))
	out := finding.Findings{}
	for _, rf := range t {
		place := onDisk(dir, rf.Path())
		if files[place] = rf.File; rf.File != nil && rf.File.refusedByK3s() {
			out = append(out, finding.Finding{
				Code: finding.CodeInvalidFile, Severity: finding.SeverityError, Platform: finding.Containerd,
				Origin: finding.Origin{File: place, Field: rewriteKey}, Value: rf.Host,
				Message: "is to be a table of texts wherever it stands; the whole file is ignored by the " +
					"containerd of k3s and RKE2: a line is logged and the original registry contacted",
			})
		}
	}
	for _, f := range findings {
		file := files[f.Origin.File]
		if len(t) == 1 {
			file = t[0].File // also where the findings name a file by itself
		}
		if file == nil || !file.upstreamOnly(f) {
			out = append(out, f)
		}
	}
	return out.Sort()
}

// upstreamOnly reports whether a finding says what only upstream containerd does: it reads no rewrite,
// and asks the registry itself where there is no server.
func (f *File) upstreamOnly(of finding.Finding) bool {
	field := of.Origin.Field
	if of.Code != finding.CodeIgnoredSetting {
		return false
	}
	return strings.EqualFold(field[strings.LastIndexByte(field, '.')+1:], rewriteKey) && !f.refusedByK3s() ||
		field == "server" && f.EmptyServer ||
		f.endsWithHosts() && slices.Contains([]string{"server", "capabilities", "override_path"}, field)
}

// endsWithHosts reports whether the containerd of k3s and RKE2 asks nobody after the hosts.
func (f *File) endsWithHosts() bool { return f.Server == "" && !f.EmptyServer && len(f.Hosts) > 0 }
