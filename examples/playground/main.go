// Command playground builds one HTML file that answers as mirrorctl does, in a browser and offline:
//
//	go run ./examples/playground --out pullroute.html
//
// The page holds mirrorctl itself, compiled to WebAssembly, and runs its commands over the files that
// were pasted or dropped; nothing leaves the browser. Its answers are therefore those of the command
// line. The parts of the page are in the directory page; this program puts them together:
//
//   - every script and style stands in the page, because a page that is opened from a disk loads neither
//     modules nor workers from other files;
//   - the WebAssembly is compressed, and its worker unpacks it;
//   - the Content-Security-Policy allows exactly these scripts, by their hashes, and no connection at all.
//
// It is run in a checkout of the module, because it compiles the program beside it.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed page
var parts embed.FS

func main() {
	out := flag.String("out", "pullroute.html", "the `FILE` to write")
	flag.Parse()
	if err := build(*out); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

func build(out string) error {
	root, err := goTool("list", "-m", "-f", "{{.Dir}}", "github.com/pullroute/pullroute")
	if err != nil {
		return err
	}
	engine, err := compile(filepath.Join(root, "examples", "mirrorctl"))
	if err != nil {
		return err
	}
	goroot, err := goTool("env", "GOROOT")
	if err != nil {
		return err
	}
	glue, err := os.ReadFile(filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return fmt.Errorf("%w; Go 1.24 and later keep it there", err)
	}
	stories, err := readStories(filepath.Join(root, "testdata"))
	if err != nil {
		return err
	}
	page, err := assemble(engine, glue, stories)
	if err != nil {
		return err
	}
	return os.WriteFile(out, page, 0o644)
}

func goTool(args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Stderr = os.Stderr
	text, err := c.Output()
	return strings.TrimSpace(string(text)), err
}

// compile returns the program in a directory as WebAssembly for browsers.
func compile(dir string) ([]byte, error) {
	into, err := os.MkdirTemp("", "playground")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(into)
	file := filepath.Join(into, "engine.wasm")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("compile %s: %w", dir, err)
	}
	return os.ReadFile(file)
}

// story is one scenario of testdata: its files that go in.
type story struct {
	Name  string            `json:"name"`
	About string            `json:"about"`
	Files map[string]string `json:"files"`
}

// readStories returns the manifests of every scenario, sorted by name.
func readStories(dir string) ([]story, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var stories []story
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		s := story{strings.TrimSuffix(filepath.Base(name), ".txtar"), string(archive.Comment), map[string]string{}}
		for _, f := range archive.Files {
			if !strings.Contains(f.Name, "/") && strings.HasSuffix(f.Name, ".yaml") {
				s.Files[f.Name] = string(f.Data)
			}
		}
		if len(s.Files) > 0 {
			stories = append(stories, s)
		}
	}
	return stories, nil
}

// assemble puts the page together.
func assemble(engine, glue []byte, stories []story) ([]byte, error) {
	part := func(name string) string {
		text, err := parts.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		return string(text)
	}
	packed, err := pack(engine)
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(stories)
	if err != nil {
		return nil, err
	}
	style := part("style.css")
	script := part("graph.js") + part("app.js")
	// The worker is a text until the page starts it: its script is checked against the policy then.
	worker := part("files.js") + string(glue) + part("worker.js")

	policy := fmt.Sprintf("default-src 'none'; script-src %s 'wasm-unsafe-eval'; worker-src blob:; "+
		"style-src %s; base-uri 'none'; form-action 'none'",
		hash(script), hash(style))
	replace := strings.NewReplacer(
		"{{policy}}", html.EscapeString(policy),
		"{{style}}", style,
		"{{stories}}", harmless(string(told)),
		"{{engine}}", packed,
		"{{worker}}", harmless(worker),
		"{{script}}", script,
	)
	return []byte(replace.Replace(part("index.html"))), nil
}

// harmless keeps a text from ending the element that it stands in.
func harmless(text string) string { return strings.ReplaceAll(text, "</", `<\/`) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pack compresses data, and writes it as characters of seven bits, which is shorter than base64 and the
// like: eight for seven bytes. Those that HTML does not keep, NUL, the carriage return and "<", are
// written as "À", "Á" and "Â".
func pack(data []byte) (string, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	var text strings.Builder
	var value, bits uint
	for _, c := range b.Bytes() {
		value, bits = value<<8|uint(c), bits+8
		for ; bits >= 7; bits -= 7 {
			text.WriteByte(byte(value >> (bits - 7) & 0x7F))
		}
	}
	if bits > 0 {
		text.WriteByte(byte(value << (7 - bits) & 0x7F))
	}
	return kept.Replace(text.String()), nil
}

var kept = strings.NewReplacer("\x00", "À", "\r", "Á", "<", "Â")
