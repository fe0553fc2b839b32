package registriesconf

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// maxMachineConfig is how many bytes a rendered MachineConfig may have: that is what etcd takes in one
// request (MCO warns from 80 % on).
const maxMachineConfig = 1572864

// Fills reports a registries.conf that fills a MachineConfig, in which it stands in base64. What else
// the MachineConfig holds comes on top. t is the table that Render returned with the files.
func (f Files) Fills(t *resolve.LinuxTable) finding.Findings {
	c := f.Config
	if c == nil || base64.StdEncoding.EncodedLen(c.size())*5 <= maxMachineConfig*4 {
		return nil // as nearly always, and known without writing the file
	}
	size := base64.StdEncoding.EncodedLen(len(c.Bytes()))
	if size*5 <= maxMachineConfig*4 {
		return nil
	}
	said := finding.Finding{Code: finding.CodeTooMany, Severity: finding.SeverityWarning,
		Platform: finding.Linux, Origin: firstObject(t), Value: FileName}
	said.Message = fmt.Sprintf("takes %d of the %d bytes that a rendered MachineConfig may have, in "+
		"base64; the rest of the MachineConfig comes on top: mirror whole registries or namespaces in "+
		"place of repositories", size, maxMachineConfig)
	if size > maxMachineConfig {
		said.Severity = finding.SeverityError
		said.Message = fmt.Sprintf("takes %d bytes in base64, and a rendered MachineConfig may have %d: "+
			"MCO renders none, and no later change reaches any node; mirror whole registries or "+
			"namespaces in place of repositories", size, maxMachineConfig)
	}
	return finding.Findings{said}
}

// firstObject returns the field of the first object that made an entry.
func firstObject(t *resolve.LinuxTable) finding.Origin {
	for _, e := range t.Entries() {
		if len(e.Origins) > 0 {
			o := e.Origins[0]
			o.Field, _, _ = strings.Cut(o.Field, "[")
			return o
		}
	}
	return finding.Origin{}
}
