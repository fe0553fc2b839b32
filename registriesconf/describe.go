package registriesconf

import "github.com/pullroute/pullroute/internal/shown"

// describe returns what a registry says beside its scope: "blocked, mirrors m.io (digest-only), n.io".
func (r Registry) describe() string {
	var parts []string
	if r.Location != "" && r.Location != r.Scope() {
		parts = append(parts, "location "+shown.Value(r.Location))
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"blocked", r.Blocked}, {"insecure", r.Insecure}, {"mirror-by-digest-only", r.MirrorByDigestOnly}} {
		if flag.set {
			parts = append(parts, flag.name)
		}
	}
	if r.NamespaceProxy != "" {
		parts = append(parts, "namespace-proxy "+shown.Value(r.NamespaceProxy))
	}
	if len(r.Mirrors) == 0 {
		return list(append(parts, "no mirrors"))
	}
	return list(append(parts, "mirrors "+describeMirrors(r.Mirrors)))
}

func describeMirrors(mirrors []Mirror) string {
	texts := make([]string, len(mirrors))
	for i, m := range mirrors {
		texts[i] = m.describe()
	}
	return list(texts)
}

// describe returns a mirror with its settings: "m.io (digest-only, insecure)".
func (m Mirror) describe() string {
	var settings []string
	if m.PullFromMirror != PullUnset {
		settings = append(settings, string(m.PullFromMirror))
	}
	if m.Insecure {
		settings = append(settings, "insecure")
	}
	if m.NamespaceProxy != "" {
		settings = append(settings, "namespace-proxy "+shown.Value(m.NamespaceProxy))
	}
	if settings == nil {
		return shown.Value(m.Location)
	}
	return shown.Value(m.Location) + " (" + list(settings) + ")"
}

// describe returns the setting as it is to be read in a sentence.
func (p PullFromMirror) describe() string {
	if p == PullUnset {
		return "pull-from-mirror unset"
	}
	return string(p)
}

// bothKinds reports whether pulls of both kinds are served, as long as the registry is not
// mirror-by-digest-only.
func (p PullFromMirror) bothKinds() bool { return p == PullUnset || p == PullAll }
