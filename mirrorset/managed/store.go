package managed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/pullroute/pullroute/internal/filelock"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Store keeps the image mirrors of managed clusters under the clusters' names. A cluster that
// the store does not know has no image mirrors. All methods are safe for use from several goroutines.
type Store interface {
	// Read returns the image mirrors of a cluster.
	Read(cluster string) (Cluster, error)
	// Update has change work on the image mirrors of a cluster and keeps what it leaves there; where
	// change fails nothing is kept, and Update returns its error. No other Update runs meanwhile, so
	// change is not to wait for anybody, nor to use the store.
	Update(cluster string, change func(*Cluster) error) error
}

// Memory is a store that lasts as long as the program. The zero value is empty and ready to use.
type Memory struct {
	lock     sync.Mutex
	clusters map[string]Cluster
}

// Read returns the image mirrors of a cluster.
func (s *Memory) Read(cluster string) (Cluster, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.clusters[cluster], nil
}

// Update changes the image mirrors of a cluster.
func (s *Memory) Update(cluster string, change func(*Cluster) error) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	next, err := changed(s.clusters, cluster, change)
	if err == nil {
		s.clusters = next
	}
	return err
}

// changed returns the clusters as they are after a change of one.
func changed(clusters map[string]Cluster, cluster string, change func(*Cluster) error) (map[string]Cluster, error) {
	if cluster == "" {
		return nil, errors.New("the cluster is not named")
	}
	c := clusters[cluster]
	if err := change(&c); err != nil {
		return nil, err
	}
	next := map[string]Cluster{}
	maps.Copy(next, clusters)
	next[cluster] = c
	if len(c.mirrors) == 0 {
		delete(next, cluster)
	}
	return next, nil
}

// File is a store in one JSON file, an object of lists by cluster:
//
//	{
//	  "mycluster": [
//	    {
//	      "id": "abc123def456",
//	      "type": "digest",
//	      "source": "registry.example.com/team",
//	      "mirrors": [
//	        "mirror.corp.com/team"
//	      ],
//	      "creation_timestamp": "2026-01-07T10:11:12Z",
//	      "last_update_timestamp": "2026-01-07T10:11:12Z"
//	    }
//	  ]
//	}
//
// An update writes a new file beside it, ".NAME~new", and renames that over the old one once it is
// on disk: whoever reads, and a program that is killed or a machine that loses power at any point,
// leaves or sees the old content or the new, whole. Updates of several programs wait for each other
// at a lock on ".NAME~lock", an empty file that the last of them removes, except on Windows; the
// operating system frees the lock of a program that ends. Files that cannot be read, down to an
// unknown field, are refused rather than overwritten.
type File struct {
	// Path is the file. It is made by the first Update; its directory has to exist. A symbolic link
	// is followed, also one that leads to no file yet: the file is then made there. A file that
	// exists keeps its mode, and its owner and group where the system lets us.
	Path string
}

// Read returns the image mirrors of a cluster. It never waits.
func (s File) Read(cluster string) (Cluster, error) {
	clusters, err := s.read()
	return clusters[cluster], err
}

// Update changes the image mirrors of a cluster, once no other Update of the file runs.
func (s File) Update(cluster string, change func(*Cluster) error) (err error) {
	path, err := followed(s.Path)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(path)
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer closing(&err, root.Close)
	release, err := filelock.Acquire(context.Background(), root, "."+name+"~lock")
	if err != nil {
		return fmt.Errorf("%s: %w", s.Path, err)
	}
	defer closing(&err, release)

	clusters, err := s.read()
	if err != nil {
		return err
	}
	if clusters, err = changed(clusters, cluster, change); err != nil {
		return err
	}
	data, err := json.MarshalIndent(clusters, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", s.Path, err)
	}
	return replace.File(root, name, append(data, '\n'), 0o666)
}

// followed returns the file that a path leads to through symbolic links, whether it exists or not.
func followed(path string) (string, error) {
	for { // filepath.EvalSymlinks fails where links go round
		target, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return target, err
		}
		if target, err = os.Readlink(path); err != nil {
			return path, nil // there is none, or its directory is missing, which is found later
		}
		if !filepath.IsAbs(target) {
			dir, _ := filepath.Split(path)
			target = dir + target
		}
		// What ".." leads to is decided in the real directory, which has to be there: else a link to
		// missing/../itself would lead here again, and one to missing/../x to x.
		dir, base := filepath.Split(target)
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return "", err
		}
		path = filepath.Join(dir, base)
	}
}

// closing adds the error of closing to that of a function, and leaves the latter as it is where
// there is none.
func closing(err *error, close func() error) {
	if e := close(); e != nil {
		*err = errors.Join(*err, e)
	}
}

// read returns everything in the file; nothing where there is none.
func (s File) read() (map[string]Cluster, error) {
	data, err := readShared(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lists, err := mirrorset.DecodeClusters(s.Path, data)
	var refused finding.Findings
	refuse := func(err error) {
		if r := (*finding.RefusedError)(nil); errors.As(err, &r) {
			refused = append(refused, r.Findings...)
		}
	}
	refuse(err)
	clusters := map[string]Cluster{}
	for name, list := range lists {
		c, err := NewCluster(list...)
		refuse(err)
		for i := range c.mirrors {
			c.mirrors[i].ReadFrom = nil
		}
		clusters[name] = c
	}
	if err := refused.Sort().Err(); err != nil {
		return nil, err
	}
	return clusters, nil
}

// readShared reads a file without standing in the way of its replacement: on Windows a file that
// [os.Open] has open cannot be renamed over, one that is opened under a root can.
func readShared(path string) ([]byte, error) {
	path, err := followed(path)
	if err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(name)
}
