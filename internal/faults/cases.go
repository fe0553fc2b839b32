package faults

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"math/rand"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/symlink"
)

// A Case is a node and what it is to become.
type Case struct {
	Name string
	// Node are the files in config_path, by path; a path that ends in "/" is an empty directory, and a
	// content that starts with "-> " is a symbolic link.
	Node    map[string]string
	New     hoststoml.Tree
	Options hoststoml.Options
}

// On returns the case without what the disk that holds a directory cannot have: names with a colon, on Windows, and
// symbolic links, where none can be made.
func (c Case) On(dir string) Case {
	links := symlink.Possible(dir)
	c.Node = maps.Clone(c.Node)
	maps.DeleteFunc(c.Node, func(name, content string) bool {
		return runtime.GOOS == "windows" && strings.Contains(name, ":") || !links && strings.HasPrefix(content, "-> ")
	})
	return c
}

func hostOf(name string) (string, bool) {
	dir, _, _ := strings.Cut(name, "/")
	host, ok := hoststoml.HostFromDir(dir)
	return host, ok && host != "_default"
}

// file returns one of the files that a registry may have; the same number gives the same file.
func file(host string, number int) hoststoml.RegistryFile {
	mirror := "https://m" + strconv.Itoa(number) + ".example.com"
	f := &hoststoml.File{Comment: hoststoml.Marker, Server: mirror, Hosts: []hoststoml.Host{{URL: mirror}}}
	rf := hoststoml.RegistryFile{Host: host, File: f}
	if number%3 == 2 {
		f.Hosts[0].Header = hoststoml.Header{"Authorization": hoststoml.Secrets("Basic bTpz")}
	}
	if number%2 == 1 {
		ca := certificates[number%len(certificates)]
		name := hoststoml.ExtraName("ca.pem", ca)
		f.Hosts[0].CA = []string{name}
		rf.Extra = hoststoml.Extra{name: hoststoml.NewSecret(ca)}
	}
	return rf
}

// certificates are some that a client takes.
var certificates = func() (all [][]byte) {
	for i := range 3 {
		key := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", i)))
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		}
		der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return all
}()

// node returns the files of registry files, and others.
func node(others map[string]string, tree ...hoststoml.RegistryFile) map[string]string {
	files := map[string]string{}
	for _, rf := range tree {
		files[rf.Path()] = string(rf.File.Bytes())
		for name, data := range rf.Extra {
			files[hoststoml.Dir(rf.Host)+"/"+name] = data.Reveal()
		}
	}
	maps.Copy(files, others)
	return files
}

const foreign = "server = \"https://by-hand.example.com\"\n[host.\"https://by-hand.example.com\"]\n"

var (
	// HandPicked are the cases that were thought of. Some need names with a colon, which Windows
	// has not.
	HandPicked = []Case{
		{Name: "a new node", New: hoststoml.Tree{file("a.io", 1), file("b.io:5000", 2)}},
		{Name: "nothing changes", Node: node(nil, file("a.io", 1)), New: hoststoml.Tree{file("a.io", 1)}},
		{Name: "everything goes", Node: node(nil, file("a.io", 1), file("b.io", 2), file("_default", 3))},
		{
			Name: "_default changes beside what comes and goes",
			Node: node(nil, file("_default", 1), file("gone.io", 2), file("stays.io", 3)),
			New:  hoststoml.Tree{file("_default", 4), file("new.io", 5), file("stays.io", 3)},
		},
		{
			Name: "_default comes, registries go", Node: node(nil, file("a.io", 1), file("zz.io", 2)),
			New: hoststoml.Tree{file("_default", 4), file("new.io", 5)},
		},
		{
			Name: "_default goes, with registries and for others",
			Node: node(nil, file("_default", 4), file("a.io", 1), file("zz.io", 2)),
			New:  hoststoml.Tree{file("b.io", 5), file("zz.io", 1)},
		},
		{
			Name: "HOST:PORT and HOST_PORT_, both ours, go",
			Node: node(map[string]string{"n.io:5000/hosts.toml": string(file("", 2).File.Bytes())},
				file("n.io:5000", 1), file("_default", 3)),
			New: hoststoml.Tree{file("_default", 4)},
		},
		{
			Name: "HOST:PORT of another hand below HOST_PORT_, which goes",
			Node: node(map[string]string{"n.io:5000/hosts.toml": foreign}, file("n.io:5000", 1)),
		},
		{
			Name: "HOST:PORT becomes HOST_PORT_",
			Node: node(map[string]string{"n.io:5000/hosts.toml": string(file("", 2).File.Bytes())}),
			New:  hoststoml.Tree{file("n.io:5000", 5)},
		},
		{
			Name: "certificates by hand in a directory that goes",
			Node: node(map[string]string{"a.io/by-hand/x.txt": "x", "a.io/readme": "y"}, file("a.io", 1),
				file("_default", 2)),
			New: hoststoml.Tree{file("_default", 4)},
		},
		{
			Name: "certificates by hand in directories that change or get a file",
			Node: node(map[string]string{"a.io/readme": "x", "b.io/readme": "x", "c.io/": ""}, file("a.io", 1)),
			New:  hoststoml.Tree{file("a.io", 3), file("b.io", 1), file("c.io", 2)},
		},
		{
			Name: "another hand's files", Node: map[string]string{"a.io/hosts.toml": foreign,
				"b.io/hosts.toml": foreign, "README": "x", "empty.io/": "", "file.io": "x"},
			New: hoststoml.Tree{file("a.io", 1), file("file.io", 2), file("ok.io", 2)},
		},
		{
			Name: "another hand's files, overwritten and purged",
			Node: map[string]string{"a.io/hosts.toml": foreign, "b.io/hosts.toml": foreign, "b.io/d/e/f": "",
				"README": "x", "empty.io/": "", "file.io": "x", "n.io:5000/hosts.toml": foreign,
				"n.io_5000_/hosts.toml": foreign},
			New:     hoststoml.Tree{file("a.io", 1), file("ok.io", 2)},
			Options: hoststoml.Options{Overwrite: true, Purge: true},
		},
		{
			Name: "stale files stay", Node: node(nil, file("a.io", 1), file("b.io", 3)),
			New:     hoststoml.Tree{file("b.io", 5)},
			Options: hoststoml.Options{KeepStale: true},
		},
		{
			Name: "leftovers of all kinds", Node: node(map[string]string{
				".a.io~new/hosts.toml": "ha", ".new.io~new/hosts.toml": "ha", ".gone.io~old/hosts.toml": "ha",
				".n.io:5000~old/":      "",
				"a.io/.hosts.toml~new": "ha", "b.io/.hosts.toml~new": "ha",
				"b.io/.pullroute-ca-0.pem~new": "ha", "a.io/pullroute-ca-0.pem": "old",
				"half.io/pullroute-ca-0.pem": "old", "kept.io/pullroute-ca-0.pem": "old", "kept.io/readme": "x",
			}, file("a.io", 1), file("b.io", 1), file("gone.io", 2)),
			New: hoststoml.Tree{file("a.io", 3), file("new.io", 5)},
		},
		{
			Name: "symbolic links", Node: map[string]string{"real.io/hosts.toml": string(file("",
				2).File.Bytes()), "link.io": "-> real.io", "a.io/hosts.toml": "-> ../real.io/hosts.toml",
				"b.io/hosts.toml": "-> ../real.io/hosts.toml"},
			New:     hoststoml.Tree{file("a.io", 1), file("link.io", 1), file("real.io", 4)},
			Options: hoststoml.Options{Overwrite: true},
		},
	}
	hosts = []string{"a.io", "b.io", "c.io", "n.io:5000", "p.io:5000", "_default"}
)

// Random returns a case of few registries, so that much comes together.
func Random(r *rand.Rand) Case {
	c := Case{Name: fmt.Sprintf("random %d", r.Int63()), Node: map[string]string{}}
	for _, host := range hosts {
		if r.Intn(2) == 0 {
			maps.Copy(c.Node, node(nil, file(host, r.Intn(6))))
		}
		if r.Intn(2) == 0 {
			c.New = append(c.New, file(host, r.Intn(6)))
		}
		dir := hoststoml.Dir(host)
		for _, other := range [][2]string{
			{dir + "/hosts.toml", foreign},
			{dir + "/readme", "x"},
			{dir + "/.hosts.toml~new", "half a fi"},
			{dir + "/pullroute-ca-0.pem", "left"},
			{"." + dir + "~new/hosts.toml", "half a fi"},
			{"." + dir + "~old/sub/dir", "x"},
			{host + "/hosts.toml", string(file("", r.Intn(6)).File.Bytes())},
			{host + "/pullroute-key-0", "left"},
			{"." + host + "~old/hosts.toml", "x"},
			{"no host at all/here", "x"},
		} {
			if r.Intn(8) == 0 {
				c.Node[other[0]] = other[1]
			}
		}
	}
	if r.Intn(3) == 0 {
		c.Options = hoststoml.Options{Overwrite: r.Intn(2) == 0, Purge: r.Intn(2) == 0, KeepStale: r.Intn(2) == 0}
	}
	return c
}
