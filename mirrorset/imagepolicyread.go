package mirrorset

import (
	"encoding/base64"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// imagePolicy reads a ClusterImagePolicy or an ImagePolicy.
func (o *object) imagePolicy() {
	if o.Kind == kindImagePolicy && o.namespace != "" {
		o.name = objectName(kindImagePolicy, o.namespace+"/"+o.metadata.Name)
		o.metadata.Namespace = o.namespace
	}
	spec, ok := o.top()
	o.named()
	if !ok {
		return
	}
	var to ImagePolicySpec
	seen := o.each(spec, "spec", map[string]func(path string, n *document.Node){
		"scopes": func(path string, n *document.Node) {
			o.lines = []entryLines{{}}
			to.Scopes, o.lines[0].mirrors = o.strs(n, path)
		},
		"policy": func(path string, n *document.Node) {
			seen := o.mapping(path, n, map[string]func(path string, n *document.Node){
				"rootOfTrust": func(path string, n *document.Node) {
					o.rootOfTrust(path, n,
						&to.Policy.RootOfTrust)
				},
				"signedIdentity": func(path string, n *document.Node) { to.Policy.SignedIdentity = o.signedIdentity(path, n) },
			})
			o.required(path, n, seen, "rootOfTrust")
		},
	})
	o.required("spec", o.node, seen, "scopes", "policy")
	if o.Kind == kindImagePolicy {
		o.set.ImagePolicies = append(o.set.ImagePolicies,
			ImagePolicy{TypeMeta: o.TypeMeta, Metadata: o.metadata, Spec: to, ReadFrom: o.readFrom()})
		return
	}
	o.set.ClusterImagePolicies = append(o.set.ClusterImagePolicies,
		ClusterImagePolicy{TypeMeta: o.TypeMeta, Metadata: o.metadata, Spec: to, ReadFrom: o.readFrom()})
}

// each hands every field to its reader, and returns the keys that were there.
func (o *object) each(fields []field, path string,
	readers map[string]func(path string, n *document.Node)) map[string]bool {
	seen := map[string]bool{}
	for _, f := range fields {
		read, known := readers[f.key]
		if !known {
			o.unknown(f, o.name, path)
			continue
		}
		seen[f.key] = true
		read(under(path, f.key), f.value)
	}
	return seen
}

func (o *object) mapping(path string, n *document.Node,
	readers map[string]func(path string, n *document.Node)) map[string]bool {
	fields, ok := o.fields(n, o.name, path)
	if !ok {
		return nil
	}
	return o.each(fields, path, readers)
}

// required refuses keys that are not there; of what is no mapping nothing is asked.
func (o *object) required(path string, n *document.Node, seen map[string]bool, keys ...string) {
	for _, key := range keys {
		if seen != nil && !seen[key] {
			o.refuseAPI(finding.CodeMissingField, o.name, n.Line, under(path, key), "", "is missing; "+
				"every object of this kind has it")
		}
	}
}

// text reads a text. One that is empty is left to validation, which takes it for absent where it may be.
func (o *object) text(to *string) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		text, ok := o.str(n, o.name, path)
		if *to = text; ok && text == "" {
			o.refuseAPI(finding.CodeInvalidImagePolicy, o.name, n.Line, path, "", "is empty; write a "+
				"value, or leave the field out where it may be absent")
		}
	}
}

// data reads what stands in base64.
func (o *object) data(to *[]byte) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		text, ok := o.str(n, o.name, path)
		if !ok {
			return
		}
		data, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(text))
		if err != nil {
			o.refuseAPI(finding.CodeInvalidImagePolicy, o.name, n.Line, path, "", "is not base64; encode "+
				"the whole PEM text")
		}
		*to = append([]byte{}, data...)
	}
}

func (o *object) rootOfTrust(path string, n *document.Node, to *RootOfTrust) {
	type readers = map[string]func(path string, n *document.Node)
	seen := o.mapping(path, n, readers{
		"policyType": o.text(&to.PolicyType),
		"publicKey": func(path string, n *document.Node) {
			to.PublicKey = &PublicKeyRootOfTrust{}
			seen := o.mapping(path, n, readers{"keyData": o.data(&to.PublicKey.KeyData),
				"rekorKeyData": o.data(&to.PublicKey.RekorKeyData)})
			o.required(path, n, seen, "keyData")
		},
		"fulcioCAWithRekor": func(path string, n *document.Node) {
			f := &FulcioCAWithRekorRootOfTrust{}
			to.FulcioCAWithRekor = f
			seen := o.mapping(path, n, readers{
				"fulcioCAData": o.data(&f.FulcioCAData), "rekorKeyData": o.data(&f.RekorKeyData),
				"fulcioSubject": func(path string, n *document.Node) {
					seen := o.mapping(path, n, readers{"oidcIssuer": o.text(&f.FulcioSubject.OIDCIssuer),
						"signedEmail": o.text(&f.FulcioSubject.SignedEmail)})
					o.required(path, n, seen, "oidcIssuer", "signedEmail")
				},
			})
			o.required(path, n, seen, "fulcioCAData", "rekorKeyData", "fulcioSubject")
		},
		"pki": func(path string, n *document.Node) {
			p := &PKIRootOfTrust{}
			to.PKI = p
			seen := o.mapping(path, n, readers{
				"caRootsData": o.data(&p.CARootsData), "caIntermediatesData": o.data(&p.CAIntermediatesData),
				"pkiCertificateSubject": func(path string, n *document.Node) {
					o.mapping(path, n, readers{"email": o.text(&p.PKICertificateSubject.Email),
						"hostname": o.text(&p.PKICertificateSubject.Hostname)})
				},
			})
			o.required(path, n, seen, "caRootsData", "pkiCertificateSubject")
		},
	})
	o.required(path, n, seen, "policyType")
}

func (o *object) signedIdentity(path string, n *document.Node) *SignedIdentity {
	type readers = map[string]func(path string, n *document.Node)
	to := &SignedIdentity{}
	seen := o.mapping(path, n, readers{
		"matchPolicy": o.text(&to.MatchPolicy),
		"exactRepository": func(path string, n *document.Node) {
			to.ExactRepository = &ExactRepository{}
			o.required(path, n, o.mapping(path, n, readers{"repository": o.text(&to.ExactRepository.Repository)}), "repository")
		},
		"remapIdentity": func(path string, n *document.Node) {
			r := &RemapIdentity{}
			to.RemapIdentity = r
			o.required(path, n, o.mapping(path, n, readers{"prefix": o.text(&r.Prefix),
				"signedPrefix": o.text(&r.SignedPrefix)}), "prefix", "signedPrefix")
		},
	})
	o.required(path, n, seen, "matchPolicy")
	return to
}
