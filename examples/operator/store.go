package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// A Store keeps the last good files in the cluster, so that an operator that starts while the
// objects are refused has them for nodes that come new. It keeps the files and not the objects:
// what another version of the operator would make of the objects may be something else.
//
// The files are a gzipped tar archive, cut into Secrets that are never changed. Their names hold
// the hash of the archive. One more Secret, the index, says which of them count. So a new
// archive is whole before the index leads to it, the old one is removed after that, and an operator
// that is killed in between leaves one or the other.
//
// The hash finds damage. It is no signature: who may write Secrets in this namespace may give
// every node any files.
//
// They are Secrets, because the files of Windows nodes hold the credentials of the pull secret.
type Store struct {
	client.Client
	Live      client.Reader // past the caches: they are needed rarely
	Namespace string
}

const (
	indexName = "pullroute-last-good"
	// storeFormat is raised when older operators cannot read what newer ones write.
	storeFormat = 1
	// partSize is half of the megabyte that a Secret may hold: as base64, too, a part is below it.
	partSize = 512 << 10
	partKey  = "part"

	componentLabel = "app.kubernetes.io/component"
	managedByLabel = "app.kubernetes.io/managed-by"
)

// The last good files cannot be read, and reading them again will not help.
var (
	errNoneStored = errors.New("no files are stored")
	errDamaged    = errors.New("the stored files are damaged")
	errNewer      = errors.New("the stored files are of a newer version of the operator")
)

// lasting reports whether an error of load stays until somebody stores files again.
func lasting(err error) bool {
	return errors.Is(err, errNoneStored) || errors.Is(err, errDamaged) || errors.Is(err, errNewer)
}

// archive is what is stored, and what the index says of it.
type archive struct {
	data  []byte
	index map[string][]byte
}

func newArchive(owner *ClusterPulls, files *Files) (archive, error) {
	data, err := pack(files)
	if err != nil {
		return archive{}, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	return archive{data, map[string][]byte{
		"format": []byte(strconv.Itoa(storeFormat)),
		"sha256": []byte(sum),
		// The owner is in the name, because an owner that is gone takes its Secrets along.
		"name":  fmt.Appendf(nil, "%s-%.8s-%.16s", indexName, owner.UID, sum),
		"parts": []byte(strconv.Itoa((len(data) + partSize - 1) / partSize)),
	}}, nil
}

// load returns the files that are stored.
func (s *Store) load(ctx context.Context) (*Files, error) {
	index, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	data, err := s.archive(ctx, index)
	if err != nil {
		return nil, err
	}
	files, err := unpack(data)
	if err != nil {
		return nil, s.damaged("%w", err)
	}
	return files, nil
}

// errLeftBehind is wrapped by the error about old parts that could not be removed. The new files are stored.
var errLeftBehind = errors.New("old files are left behind in the store")

// save stores files, if they are not stored already, and removes what is there beside them. replaced
// says what was wrong with those that were there.
func (s *Store) save(ctx context.Context, owner *ClusterPulls, files *Files) (replaced, err error) {
	want, err := newArchive(owner, files)
	if err != nil {
		return nil, err
	}
	index, err := s.index(ctx)
	if err == nil {
		var data []byte
		if data, err = s.archive(ctx, index); err == nil && maps.EqualFunc(index.Data, want.index, bytes.Equal) &&
			bytes.Equal(data, want.data) {
			return nil, s.removeOthers(ctx, want.index)
		}
	}
	if err != nil && !lasting(err) {
		return nil, err
	}
	replaced = err
	i := 0
	for part := range slices.Chunk(want.data, partSize) {
		if err := s.putPart(ctx, partName(want.index, i), part, owner); err != nil {
			return nil, err
		}
		i++
	}
	if err := s.putIndex(ctx, index, want.index, owner); err != nil {
		return nil, err
	}
	return replaced, s.removeOthers(ctx, want.index)
}

func (s *Store) damaged(format string, args ...any) error {
	return fmt.Errorf("%w: Secret %s/%s: %w", errDamaged, s.Namespace, indexName, fmt.Errorf(format, args...))
}

// index reads the index. It returns the Secret also where that is damaged or of a newer version.
func (s *Store) index(ctx context.Context) (*corev1.Secret, error) {
	index := &corev1.Secret{}
	if err := s.Live.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: indexName},
		index); apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%w: there is no Secret %s/%s", errNoneStored, s.Namespace, indexName)
	} else if err != nil {
		return nil, err
	}
	format, err := strconv.Atoi(string(index.Data["format"]))
	switch {
	case err != nil || format < 1:
		return index, s.damaged("format %q: is no version", index.Data["format"])
	case format > storeFormat:
		return index, fmt.Errorf("%w: Secret %s/%s: format %d, and this one knows %d", errNewer, s.Namespace,
			indexName, format, storeFormat)
	}
	return index, nil
}

// archive reads the archive that an index leads to.
func (s *Store) archive(ctx context.Context, index *corev1.Secret) ([]byte, error) {
	parts, err := strconv.Atoi(string(index.Data["parts"]))
	if err != nil || parts < 1 {
		return nil, s.damaged("parts %q: is no count", index.Data["parts"])
	}
	var data []byte
	for i := range parts {
		var part corev1.Secret
		name := partName(index.Data, i)
		if validation.IsDNS1123Subdomain(name) != nil {
			return nil, s.damaged("name %q: is no beginning of a name", index.Data["name"])
		}
		if err := s.Live.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name},
			&part); apierrors.IsNotFound(err) {
			return nil, s.damaged("there is no Secret %s, part %d of %d", name, i+1, parts)
		} else if err != nil {
			return nil, err
		}
		data = append(data, part.Data[partKey]...)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != string(index.Data["sha256"]) {
		return nil, s.damaged("sha256 %q: is not the hash of its parts", index.Data["sha256"])
	}
	return data, nil
}

func partName(index map[string][]byte, i int) string {
	return fmt.Sprintf("%s-%d", index["name"], i)
}

// meta is that of all Secrets of the store. They go with the ClusterPulls.
func (s *Store) meta(name string, owner *ClusterPulls) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: s.Namespace, Name: name,
		Labels: map[string]string{componentLabel: "last-good-files", managedByLabel: "pullroute-operator"},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: groupVersion.String(), Kind: "ClusterPulls", Name: owner.Name, UID: owner.UID,
		}},
	}
}

// putPart creates a part. One of its name that holds something else is damaged, and replaced.
func (s *Store) putPart(ctx context.Context, name string, data []byte, owner *ClusterPulls) error {
	immutable := true
	part := &corev1.Secret{ObjectMeta: s.meta(name, owner), Immutable: &immutable,
		Data: map[string][]byte{partKey: data}}
	err := s.Create(ctx, part)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	var old corev1.Secret
	if err := s.Live.Get(ctx, client.ObjectKeyFromObject(part), &old); err != nil {
		return err
	}
	if bytes.Equal(old.Data[partKey], data) {
		return nil
	}
	if err := s.Delete(ctx, &old); err != nil {
		return err
	}
	return s.Create(ctx, part)
}

func (s *Store) putIndex(ctx context.Context, old *corev1.Secret, data map[string][]byte,
	owner *ClusterPulls) error {
	index := &corev1.Secret{ObjectMeta: s.meta(indexName, owner), Data: data}
	if old == nil {
		return s.Create(ctx, index)
	}
	index.ResourceVersion = old.ResourceVersion
	return s.Update(ctx, index)
}

// removeOthers removes the parts that the index does not lead to, also those that were left behind by
// operators that were killed.
func (s *Store) removeOthers(ctx context.Context, index map[string][]byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", errLeftBehind, err)
		}
	}()
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	labels := client.MatchingLabels(s.meta("", &ClusterPulls{}).Labels)
	if err := s.Live.List(ctx, list, client.InNamespace(s.Namespace), labels); err != nil {
		return err
	}
	for _, o := range list.Items {
		if o.Name == indexName || strings.HasPrefix(o.Name, string(index["name"])+"-") {
			continue
		}
		if err := s.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace,
			Name: o.Name}}); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// pack makes a gzipped tar archive of the files, in the directories linux and windows. The same
// files make the same archive.
func pack(files *Files) ([]byte, error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	add := func(p finding.Platform, contents []content) error {
		for _, c := range contents {
			header := &tar.Header{Name: path.Join(string(p), c.name), Mode: 0o600, Size: int64(len(c.data))}
			if err := w.WriteHeader(header); err != nil {
				return err
			}
			if _, err := w.Write(c.data); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(add(finding.Linux, files.Linux.contents()),
		add(finding.Windows, files.Windows.contents()),
		add(credentialsName, []content{{"", []byte(files.Windows.Credentials)}})); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// credentialsName is the name of the archive's file that says which credentials the others hold.
const credentialsName = "credentials"

// unpack reads what pack made. It takes nothing that it does not know: half of the files would be
// no good ones.
func unpack(data []byte) (*Files, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	files := &Files{}
	for r := tar.NewReader(zipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if err := files.add(header.Name, data); err != nil {
			return nil, fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, zipped); err != nil { // its checksum stands at the end
		return nil, err
	}
	if files.Linux.Config == nil {
		return nil, fmt.Errorf("there is no linux/%s", registriesconf.FileName)
	}
	files.Linux.Hash, files.Windows.Hash = files.Linux.hash(), files.Windows.hash()
	return files, nil
}

// add takes one file of an archive.
func (f *Files) add(name string, data []byte) (err error) {
	platform, name, _ := strings.Cut(name, "/")
	dir, base := path.Split(name)
	host, isHost := hoststoml.HostFromDir(strings.TrimSuffix(dir, "/"))
	var findings finding.Findings
	switch {
	case platform == string(finding.Linux) && name == registriesconf.FileName:
		f.Linux.Config, findings = registriesconf.Parse(name, data)
	case platform == string(finding.Linux) && name == registriesconf.SearchDropIn:
		f.Linux.Search, findings = registriesconf.Parse(name, data)
	case platform == string(finding.Windows) && isHost && base == hoststoml.FileName:
		var file *hoststoml.File
		file, findings = hoststoml.Parse(name, data)
		f.Windows.Tree = append(f.Windows.Tree, hoststoml.RegistryFile{Host: host, File: file})
	case platform == string(finding.Windows) && isHost && f.Windows.last(host) != nil && base != "":
		registry := f.Windows.last(host)
		if registry.Extra == nil {
			registry.Extra = hoststoml.Extra{}
		}
		registry.Extra[base] = hoststoml.NewSecret(data)
	case platform == credentialsName && name == "":
		f.Windows.Credentials = string(data)
	default:
		return errors.New("is no file of a node")
	}
	return findings.Err()
}
