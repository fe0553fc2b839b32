package input

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Limits of an archive. What is not read does not count: a must-gather is mostly logs. A compressed
// archive may take maxRatio times its size, which is what bounds the time that one made to be large
// takes.
const (
	maxArchiveFiles = 200_000
	maxArchiveBytes = 1 << 30
	maxArchiveFile  = 256 << 20
	maxRatio        = 200
	freeBytes       = 64 << 20 // for which the ratio does not count: text of little variety packs well
)

// isArchive reports whether a file begins as an archive does, and names one that is not unpacked.
func isArchive(head []byte) (archive bool, other string) {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")),
		bytes.HasPrefix(head, []byte{0x1f, 0x8b}), isTar(head):
		return true, ""
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return false, "xz"
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return false, "zstd"
	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 4 && bytes.HasPrefix(head[4:], []byte("1AY&SY")):
		return false, "bzip2"
	}
	return false, ""
}

func isTar(head []byte) bool {
	return len(head) >= 262 && string(head[257:262]) == "ustar"
}

// errLimit is wrapped by the error about an archive that is too large.
var errLimit = errors.New("is not read: too large")

// openArchive reads what may say where pulls go of an archive into memory, below its own name.
// single is set for what is packed by gzip and is no archive: it is the one file.
func openArchive(name string, r io.Reader, size int64) (m *memory, single bool, err error) {
	a := &archiveReader{name: name, memory: newMemory(), links: map[string]string{}}
	a.memory.addDir(name)
	buffered := bufio.NewReaderSize(r, 4096)
	head, _ := buffered.Peek(262)
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		at, ok := r.(io.ReaderAt)
		if !ok || size < 0 { // standard input
			data, err := io.ReadAll(io.LimitReader(buffered, maxArchiveBytes+1))
			if err != nil {
				return nil, false, err
			}
			if len(data) > maxArchiveBytes {
				return nil, false, fmt.Errorf("%w: a zip archive of more than %d MiB on standard input; give its "+
					"name", errLimit, maxArchiveBytes>>20)
			}
			at, size = bytes.NewReader(data), int64(len(data))
		}
		err = a.zip(at, size)
	case isTar(head):
		err = a.tar(buffered)
	default:
		counted := &counter{r: buffered}
		packed, gzErr := gzip.NewReader(counted)
		if gzErr != nil {
			return nil, false, fmt.Errorf("is not valid gzip: %w", gzErr)
		}
		unpacked := bufio.NewReaderSize(&ratioReader{r: packed, from: counted}, 4096)
		if head, _ := unpacked.Peek(262); !isTar(head) {
			data, err := io.ReadAll(io.LimitReader(unpacked, maxArchiveFile+1))
			switch {
			case err != nil:
				return nil, false, err
			case len(data) > maxArchiveFile:
				return nil, false, fmt.Errorf("%w: more than %d MiB", errLimit, maxArchiveFile>>20)
			}
			a.memory.add(name, data)
			return a.memory, true, nil
		}
		err = a.tar(unpacked)
	}
	if err != nil {
		return nil, false, err
	}
	a.follow()
	return a.memory, false, nil
}

type archiveReader struct {
	name   string
	memory *memory
	links  map[string]string // symbolic links of files that would be read
	files  int
	bytes  int64
}

// place returns where a name of the archive goes, and whether it may be read. A name cannot lead out.
func (a *archiveReader) place(name string) (string, bool) {
	inner := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	if inner == "" {
		return a.name, false
	}
	dirs, base := path.Split(inner)
	for _, dir := range strings.Split(strings.TrimSuffix(dirs, "/"), "/") {
		if hidden(dir) {
			return "", false
		}
	}
	return a.name + "/" + inner, !hidden(base) || inDropInDir(inner)
}

// take reads one file.
func (a *archiveReader) take(name string, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxArchiveFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case len(data) > maxArchiveFile:
		return fmt.Errorf("%s: %w: more than %d MiB", name, errLimit, maxArchiveFile>>20)
	}
	if a.bytes += int64(len(data)); a.bytes > maxArchiveBytes {
		return fmt.Errorf("%w: the files to be read in it take more than %d MiB", errLimit, maxArchiveBytes>>20)
	}
	a.memory.add(name, data)
	return nil
}

// count counts an entry of the archive, whatever it is.
func (a *archiveReader) count() error {
	if a.files++; a.files > maxArchiveFiles {
		return fmt.Errorf("%w: more than %d files", errLimit, maxArchiveFiles)
	}
	return nil
}

func (a *archiveReader) tar(r io.Reader) error {
	end := &lastBlock{r: r}
	for t := tar.NewReader(end); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			if !end.zero() {
				return errors.New("is not a valid tar archive: it ends early, as one that was not copied whole")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("is not a valid tar archive: %w", err)
		}
		if err := a.count(); err != nil {
			return err
		}
		name, ok := a.place(h.Name)
		if !ok {
			continue
		}
		if err := a.entry(h, name, t); err != nil {
			return err
		}
	}
}

// entry keeps what an entry of a tar archive is.
func (a *archiveReader) entry(h *tar.Header, name string, content io.Reader) error {
	switch {
	case h.Typeflag == tar.TypeDir:
		a.memory.addDir(name)
	case !candidate(name):
	case h.Typeflag == tar.TypeReg:
		return a.take(name, content)
	case h.Typeflag == tar.TypeSymlink, h.Typeflag == tar.TypeLink:
		target := h.Linkname
		if h.Typeflag == tar.TypeSymlink && !path.IsAbs(target) {
			target = path.Join(path.Dir(h.Name), target)
		}
		if target, ok := a.place(target); ok {
			a.links[name] = target
		}
	}
	return nil
}

func (a *archiveReader) zip(at io.ReaderAt, size int64) error {
	z, err := zip.NewReader(at, size)
	if err != nil {
		return fmt.Errorf("is not a valid zip archive: %w", err)
	}
	for _, f := range z.File {
		if err := a.count(); err != nil {
			return err
		}
		name, ok := a.place(f.Name)
		switch {
		case !ok:
		case f.FileInfo().IsDir():
			a.memory.addDir(name)
		case f.Mode().IsRegular() && candidate(name):
			if f.UncompressedSize64 > freeBytes && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
				return fmt.Errorf("%s: %w: it unpacks to more than %d times its size", name, errLimit, maxRatio)
			}
			r, err := f.Open()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			err = a.take(name, r)
			r.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// follow gives links that lead to a file of the archive its content.
func (a *archiveReader) follow() {
	for name, target := range a.links {
		for range 8 {
			if further, ok := a.links[target]; ok {
				target = further
			}
		}
		if data, ok := a.memory.files[target]; ok {
			if _, there := a.memory.files[name]; !there {
				a.memory.add(name, data)
			}
		}
	}
}

// lastBlock keeps the last block that was read. A tar archive ends with blocks of zeros; package
// tar takes the end of the stream for it too.
type lastBlock struct {
	r    io.Reader
	tail []byte
}

const tarBlock = 512

func (l *lastBlock) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.tail = append(l.tail, p[max(0, n-tarBlock):n]...)
	if extra := len(l.tail) - tarBlock; extra > 0 {
		l.tail = append(l.tail[:0], l.tail[extra:]...)
	}
	return n, err
}

func (l *lastBlock) zero() bool {
	return len(l.tail) == tarBlock && !bytes.ContainsFunc(l.tail, func(r rune) bool { return r != 0 })
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ratioReader ends where far more comes out than went in.
type ratioReader struct {
	r    io.Reader
	from *counter
	n    int64
}

func (l *ratioReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n += int64(n); l.n > freeBytes && l.n/maxRatio > l.from.n {
		return 0, fmt.Errorf("%w: it unpacks to more than %d times its size", errLimit, maxRatio)
	}
	return n, err
}

var _ fs.ReadDirFS = (*memory)(nil)
