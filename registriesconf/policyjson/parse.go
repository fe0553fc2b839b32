package policyjson

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Parse reads a policy.json. The name is only used in the findings and in the origins of judgements.
//
// The findings hold everything that the client refuses the file for, with the code invalid-file:
// JSON that is none, a key that is not known or stands twice, a value of another type, an empty
// list, a scope that its transport does not take, key sources that exclude each other. They name
// fields by their path in the file, counted from 0: transports.docker["quay.io/team"][0].keyPath.
// There are no warnings, since the client ignores nothing.
//
// The Policy is nil where the findings' Err is not: a client with a refused file takes no image at all.
//
// Keys are compared as they are written, letter case included. A prefix of remapIdentity of more
// than 1,024 characters, which no name can have, is refused here and read by the client.
func Parse(name string, data []byte) (*Policy, finding.Findings) {
	d := decoder{checker: checker{file: name, lines: map[string]int{"": 1}}}
	p := &Policy{Transports: map[string]Scopes{}, origins: map[place]finding.Origin{}}
	nodes, bad := document.ParseJSON(data)
	switch {
	case bad != nil:
		d.lines[""] = bad.Line
		d.refuse("", "", "", bad.Message, "correct the line")
	case len(nodes) == 0:
		d.refuse("", "", "", "is empty", `write {"default": [{"type": "insecureAcceptAnything"}]} to take every image`)
	case len(nodes) > 1:
		d.lines[""] = nodes[1].Line
		d.refuse("", "", "", "goes on behind the end of its object", "remove what stands there")
	default:
		d.lines[""] = nodes[0].Line
		d.policy(p, &nodes[0])
	}
	if len(d.findings) > 0 {
		return nil, d.findings.Sort()
	}
	return p, nil
}

// A decoder makes a Policy of nodes. After a mistake it goes on to tell the others; what it has made
// by then is of no use.
type decoder struct{ checker }

func (d *decoder) policy(p *Policy, n *document.Node) {
	keys, ok := d.object("", n, []string{"default", "transports"})
	if !ok {
		return
	}
	if v := keys["default"]; v == nil {
		d.refuse("", "default", "", "is missing", `write "default": [{"type": "reject"}] to take no image `+
			`that no scope names, or insecureAcceptAnything`)
	} else {
		p.Default = d.list("default", v)
		p.origins[place{global: true}] = d.origin("default")
	}
	if v := keys["transports"]; v != nil {
		transports, _ := d.object("transports", v, nil)
		for _, name := range slices.Sorted(maps.Keys(transports)) {
			p.Transports[name] = d.transport(p, name, transports[name])
		}
	}
}

func (d *decoder) transport(p *Policy, name string, n *document.Node) Scopes {
	list := Scopes{}
	scopes, _ := d.object(child("transports", name), n, nil)
	for _, scope := range slices.Sorted(maps.Keys(scopes)) {
		field := scopeField(name, scope)
		d.scope(field, name, scope)
		list[scope] = d.list(field, scopes[scope])
		p.origins[place{transport: name, scope: scope}] = d.origin(field)
	}
	return list
}

func (d *decoder) origin(field string) finding.Origin {
	return finding.Origin{File: d.file, Field: field, Line: d.lines[field]}
}

func (d *decoder) list(field string, n *document.Node) Requirements {
	if n.Kind != document.List {
		d.mistyped(field, n, "a list")
		return nil
	}
	if n.Len() == 0 {
		d.requirements(field, nil)
	}
	var list Requirements
	for i, item := range n.Items() {
		list = append(list, d.item(fmt.Sprintf("%s[%d]", field, i), item))
	}
	return list
}

func (d *decoder) item(at string, n *document.Node) (r Requirement) {
	d.lines[at] = n.Line
	t, ok := d.typeOf(at, n)
	if !ok || !d.requirementType(at, t) {
		return
	}
	r.Type = RequirementType(t)
	before := len(d.findings)
	keys, _ := d.object(at, n, append([]string{"type"}, requirementKeys[r.Type]...))
	for key, v := range keys {
		d.requirementKey(at+"."+key, key, v, &r)
	}
	if len(d.findings) > before || !d.keysOf(at, &r, keys) { // what was read of it says nothing
		return
	}
	if r.SignedIdentity == nil && (r.Type == SignedBy || r.Type == SigstoreSigned) {
		r.SignedIdentity = &Identity{Type: MatchRepoDigestOrExact}
	}
	d.requirement(at, &r)
	return r
}

// requirementKey reads one key of a requirement.
func (d *decoder) requirementKey(at, key string, v *document.Node, r *Requirement) {
	switch key {
	case "keyType":
		d.text(at, v, &r.KeyType)
	case "keyPath":
		d.text(at, v, &r.KeyPath)
	case "keyPaths":
		d.texts(at, v, &r.KeyPaths)
	case "keyData":
		d.data(at, v, &r.KeyData)
	case "keyDatas":
		d.datas(at, v, &r.KeyDatas)
	case "rekorPublicKeyPath":
		d.text(at, v, &r.RekorPublicKeyPath)
	case "rekorPublicKeyPaths":
		d.texts(at, v, &r.RekorPublicKeyPaths)
	case "rekorPublicKeyData":
		d.data(at, v, &r.RekorPublicKeyData)
	case "rekorPublicKeyDatas":
		d.datas(at, v, &r.RekorPublicKeyDatas)
	case "fulcio":
		r.Fulcio = d.fulcio(at, v)
	case "pki":
		r.PKI = d.pki(at, v)
	case "signedIdentity":
		r.SignedIdentity = d.identityOf(at, v)
	case "baseLayerIdentity":
		r.BaseLayerIdentity = d.identityOf(at, v)
	}
}

// keysOf checks what the client counts by the keys that stand there, before it looks at what they
// say. It returns false where nothing more is to be said of the requirement.
func (d *decoder) keysOf(at string, r *Requirement, keys map[string]*document.Node) bool {
	switch r.Type {
	case SignedBy:
		if count(keys["keyPath"] != nil, keys["keyPaths"] != nil, keys["keyData"] != nil) > 1 {
			d.refuse(at, at, "", "has more than one of keyPath, keyPaths and keyData", "keep one")
			return false
		}
	case SigstoreSigned:
		for _, key := range []string{"keyPaths", "keyDatas", "rekorPublicKeyPaths", "rekorPublicKeyDatas"} {
			if v := keys[key]; v != nil && v.Kind == document.Null {
				d.refuse(at, at+"."+key, "", "holds no key", "name a key, or remove it")
			}
		}
	}
	return true
}

func (d *decoder) fulcio(at string, n *document.Node) *Fulcio {
	f := &Fulcio{}
	keys, _ := d.object(at, n, []string{"caPath", "caData", "oidcIssuer", "subjectEmail"})
	for key, v := range keys {
		at := at + "." + key
		switch key {
		case "caPath":
			d.text(at, v, &f.CAPath)
		case "caData":
			d.data(at, v, &f.CAData)
		case "oidcIssuer":
			d.text(at, v, &f.OIDCIssuer)
		case "subjectEmail":
			d.text(at, v, &f.SubjectEmail)
		}
	}
	return f
}

func (d *decoder) pki(at string, n *document.Node) *PKI {
	p := &PKI{}
	keys, _ := d.object(at, n, []string{
		"caRootsPath", "caRootsData", "caIntermediatesPath", "caIntermediatesData", "subjectEmail", "subjectHostname",
	})
	for key, v := range keys {
		at := at + "." + key
		switch key {
		case "caRootsPath":
			d.text(at, v, &p.CARootsPath)
		case "caRootsData":
			d.data(at, v, &p.CARootsData)
		case "caIntermediatesPath":
			d.text(at, v, &p.CAIntermediatesPath)
		case "caIntermediatesData":
			d.data(at, v, &p.CAIntermediatesData)
		case "subjectEmail":
			d.text(at, v, &p.SubjectEmail)
		case "subjectHostname":
			d.text(at, v, &p.SubjectHostname)
		}
	}
	return p
}

func (d *decoder) identityOf(at string, n *document.Node) (id *Identity) {
	id = &Identity{}
	t, ok := d.typeOf(at, n)
	if !ok {
		return
	}
	id.Type = IdentityType(t)
	wanted, known := identityKeys[id.Type]
	if !known {
		d.identity(at, id) // says so
		return
	}
	keys, _ := d.object(at, n, append([]string{"type"}, wanted...))
	for _, key := range wanted {
		v := keys[key]
		if v == nil {
			d.refuse(at, at+"."+key, "", "is missing", "every identity of type "+t+" has it")
			continue
		}
		to := map[string]*string{
			"dockerReference": &id.DockerReference, "dockerRepository": &id.DockerRepository,
			"prefix": &id.Prefix, "signedPrefix": &id.SignedPrefix,
		}
		d.text(at+"."+key, v, to[key])
	}
	return id
}

// typeOf returns the type that an object says it has, before its other keys are looked at: they
// depend on it.
func (d *decoder) typeOf(at string, n *document.Node) (t string, ok bool) {
	if n.Kind != document.Mapping {
		d.mistyped(at, n, "an object")
		return "", false
	}
	for _, f := range n.Fields() {
		if f.Key.Text == "type" {
			d.lines[at+".type"] = f.Value.Line
			ok = d.text(at+".type", &f.Value, &t)
			return t, ok
		}
	}
	return "", true // and no type is none that is known
}

// object returns the values of an object by key. Without known keys every key is one.
func (d *decoder) object(at string, n *document.Node, knownKeys []string) (keys map[string]*document.Node, ok bool) {
	if n.Kind != document.Mapping {
		d.mistyped(at, n, "an object")
		return nil, false
	}
	fields := n.Fields()
	keys = make(map[string]*document.Node, len(fields))
	first := make(map[string]int, len(fields))
	for i := range fields {
		key, line := fields[i].Key.Text, fields[i].Key.Line
		field := child(at, key)
		if before, twice := first[key]; twice {
			d.lines[field] = line
			d.refuse(at, field, "", fmt.Sprintf("stands a second time, after line %d", before), "keep one of the two")
			continue
		}
		first[key] = line
		d.lines[field] = line
		if knownKeys != nil && !slices.Contains(knownKeys, key) {
			advice := "remove it, or correct its name: " + strings.Join(knownKeys, ", ") + " are known here"
			d.refuse(at, field, "", "is not a known key", advice)
		}
		keys[key] = &fields[i].Value
	}
	return keys, true
}

func (d *decoder) mistyped(field string, n *document.Node, want string) bool {
	value := n.Text
	if n.Kind == document.Null || strings.Contains(field, "Data") { // key material is long, and tells nothing
		value = ""
	}
	d.lines[field] = n.Line
	d.refuse(field, field, shown.Value(value), "is "+kinds[n.Kind]+" and has to be "+want, "correct it")
	return false
}

var kinds = map[document.Kind]string{
	document.Null: "null", document.Mapping: "an object", document.List: "a list", document.Text: "a text",
	document.Number: "a number", document.Boolean: "true or false",
}

// The readers of values take what encoding/json takes for the client's fields: null leaves a text
// empty and a list nil, and key data may be a text in base64 or a list of bytes.

func (d *decoder) text(at string, n *document.Node, to *string) bool {
	switch n.Kind {
	case document.Null:
	case document.Text:
		*to = n.Text
	default:
		return d.mistyped(at, n, "a text in double quotes")
	}
	return true
}

func (d *decoder) texts(at string, n *document.Node, to *[]string) {
	switch n.Kind {
	case document.Null:
	case document.List:
		*to = make([]string, n.Len())
		for i, item := range n.Items() {
			d.text(fmt.Sprintf("%s[%d]", at, i), item, &(*to)[i])
		}
	default:
		d.mistyped(at, n, "a list of texts")
	}
}

func (d *decoder) data(at string, n *document.Node, to *[]byte) {
	switch n.Kind {
	case document.Null:
	case document.Text:
		data, err := base64.StdEncoding.DecodeString(n.Text)
		if err != nil {
			d.lines[at] = n.Line
			d.refuse(at, at, "", "is not base64", "encode the whole of it, or give a file by path")
		}
		*to = append([]byte{}, data...)
	case document.List:
		*to = make([]byte, n.Len())
		for i, item := range n.Items() {
			if item.Kind == document.Null {
				continue
			}
			b, err := strconv.ParseUint(item.Text, 10, 8)
			if err != nil || item.Kind != document.Number {
				d.mistyped(at, n, "a text in base64")
			}
			(*to)[i] = byte(b)
		}
	default:
		d.mistyped(at, n, "a text in base64")
	}
}

func (d *decoder) datas(at string, n *document.Node, to *[][]byte) {
	switch n.Kind {
	case document.Null:
	case document.List:
		*to = make([][]byte, n.Len())
		for i, item := range n.Items() {
			d.data(fmt.Sprintf("%s[%d]", at, i), item, &(*to)[i])
		}
	default:
		d.mistyped(at, n, "a list of texts in base64")
	}
}
