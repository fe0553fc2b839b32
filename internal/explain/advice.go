package explain

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Missing reports whether a location lacks the image, so that a copy mends it.
func (a *Attempt) Missing() bool { return a.Answer.Class == clientlog.NotFound }

// Advice says what to do about the answer of an attempt on a platform; empty where there is nothing to do.
func (a *Attempt) Advice(on finding.Platform) string {
	host, _ := network.SplitHost(a.Location)
	if a.Elsewhere != "" {
		return "it leads to " + shown.Location(a.Elsewhere) + " for this, by a redirect or the urls of a layer: look there"
	}
	if todo := a.beforeRegistry(host, on); todo != "" {
		return todo
	}
	switch a.Answer.Class {
	case clientlog.Unauthorized:
		return "give the node a credential for " + host + credential(a, on)
	case clientlog.Denied:
		return "the credential for " + host + " may not read it, or it is not there (some registries say 403 of that)" +
			credential(a, on)
	case clientlog.NotFound:
		return a.missing()
	case clientlog.Blocked:
		return "the node's files block it, these objects do not: compare with the files that render writes"
	case clientlog.UnknownCA:
		if on == finding.Linux {
			return "the node does not trust the authority of its certificate: add that to additionalTrustedCA of the Image " +
				"cluster, under the key " + strings.Replace(host, ":", "..", 1)
		}
		return "the node does not trust the authority of its certificate: name that as ca of the host in hosts.toml, which " +
			"additionalTrustedCA makes render do"
	case clientlog.WrongName:
		return "its certificate is for another name: mend the certificate, or name the mirror as the certificate has it"
	case clientlog.Expired:
		return "renew its certificate; look at the node's clock too"
	case clientlog.BadTLS:
		return "look at what speaks TLS there: a proxy, or a version of TLS that one side refuses"
	case clientlog.PlainHTTP:
		if on == finding.Linux {
			return "it speaks plain HTTP: give it TLS, or list it in insecureRegistries of the Image cluster"
		}
		return "it speaks plain HTTP: give it TLS, or write the host of its hosts.toml with http://"
	}
	return onTheWay[a.Answer.Class]
}

// beforeRegistry says what to do about what fails before the registry is asked: its proxy, or the server of
// its tokens; empty where it is the registry that answered, or failed.
func (a *Attempt) beforeRegistry(host string, on finding.Platform) string {
	to := a.Answer.Tokens
	switch failed := onTheWay[a.Answer.Class] != "" || isTLS(a.Answer.Class); {
	case a.Answer.Proxy:
		return "it is the proxy that fails: look at it, at the proxy settings of the node, and whether " + host +
			" is to be asked without it"
	case to != "" && failed:
		b := *a
		b.Location, b.Answer.Tokens = to, ""
		return "what failed is " + shown.Location(to) + ", which gives out its tokens: " + b.Advice(on)
	}
	return ""
}

// isTLS reports whether a class is about certificates, or whether there is TLS at all.
func isTLS(c clientlog.Class) bool {
	return slices.Contains([]clientlog.Class{clientlog.UnknownCA, clientlog.WrongName, clientlog.Expired,
		clientlog.BadTLS, clientlog.PlainHTTP}, c)
}

// onTheWay is what to do about what goes wrong before a registry answers, or whatever it is asked.
var onTheWay = map[clientlog.Class]string{
	clientlog.TooMany:     "its limit of requests is used up: wait, log in, or ask a mirror with another limit first",
	clientlog.ServerError: "the registry fails, or a proxy before it: its log says why",
	clientlog.OtherStatus: "the registry's log says why",
	clientlog.Timeout:     "the node gets no answer in time: look for a firewall, a proxy or a route that is missing",
	clientlog.Refused:     "nothing listens there: look at the port, and whether the registry runs",
	clientlog.Reset:       "the connection was broken off: look for a proxy or a load balancer between",
	clientlog.Unreachable: "the node has no route to it",
	clientlog.NoName:      "the node's DNS does not know the name: look at its spelling, and at the node's name servers",
	clientlog.Canceled:    "the client gave up, or was told to; the pull may have ended for another reason",
}

// missing says what to do where a location lacks the image or a part of it.
func (a *Attempt) missing() string {
	switch {
	case a.Role == resolve.RoleSource && (a.Lacks || a.Object != clientlog.Blob):
		return "the image is not there: look at its name and tag"
	case a.Role == resolve.RoleSource:
		return "the source has the manifest and lacks a layer of it"
	case a.Object == "" && !a.Resolving && a.Reference != "":
		return "the image is not there; or it refused the manifest, of which containerd 1.x logs nothing below level " +
			"debug, and then lacks a blob with that digest"
	case a.Object == clientlog.Blob && !a.Lacks:
		return "it has the manifest and lacks a layer; copy the image again"
	}
	return "the image is not there; copy it"
}

// credential says where a credential is put.
func credential(a *Attempt, on finding.Platform) string {
	switch {
	case on == finding.Linux:
		return ": in the pull secret of the cluster (on the node /var/lib/kubelet/config.json), under " + a.Location +
			" or a beginning of it"
	case a.Role == resolve.RoleSource:
		return ": in the imagePullSecrets of the pod, or in the pull secret of the cluster"
	}
	return ": containerd sends a mirror what stands as its header in hosts.toml; render --pull-secret writes it"
}
