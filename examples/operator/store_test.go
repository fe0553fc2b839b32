package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/openshiftapi"
	"github.com/pullroute/pullroute/registriesconf"
)

// store returns the store as an operator on the cluster has it.
func (c *cluster) store() *Store { return &Store{Client: c, Live: c, Namespace: namespace} }

// stored returns the Secrets of the store, by name.
func (c *cluster) stored() map[string]*corev1.Secret {
	c.t.Helper()
	var list corev1.SecretList
	require.NoError(c.t, c.List(c.ctx, &list, client.InNamespace(namespace)))
	all := map[string]*corev1.Secret{}
	for i := range list.Items {
		all[list.Items[i].Name] = &list.Items[i]
	}
	return all
}

// filesOf renders objects.
func filesOf(t *testing.T, objects *mirrorObjects, windowsHosts ...string) *Files {
	t.Helper()
	set, err := objects.Set()
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	files, _ := render(rules, windowsHosts, credentials{})
	return files
}

// someFiles returns files that differ by a name.
func someFiles(t *testing.T, name string) *Files {
	t.Helper()
	o := &mirrorObjects{}
	o.ImageDigestMirrorSets.Items = append(o.ImageDigestMirrorSets.Items, *digestMirrors("a", byDigest("quay.io/team", never, configv1.ImageMirror("mirror.example.com/"+name+"/team"))))
	return filesOf(t, o)
}

// refuse adds an object that contradicts itself, and mend takes it away. It is one object, so that no
// operator sees a moment between in which the objects are good, and stores that.
func (c *cluster) refuse() {
	c.t.Helper()
	const source = "contradicted.example.com"
	c.create(digestMirrors("contradicted", byDigest(source, allow, "m.example.com"), byDigest(source, never, "m.example.com")))
}

func (c *cluster) mend() {
	c.t.Helper()
	c.delete(digestMirrors("contradicted"))
}

// condition returns the reason and the message of a condition of the ClusterPulls.
func (c *cluster) condition(name string) metav1.Condition {
	c.t.Helper()
	if condition := meta.FindStatusCondition(c.pulls().Status.Conditions, name); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}

func (c *cluster) add(n *NodePulls) {
	c.t.Helper()
	require.NoError(c.t, os.Mkdir(c.path(n.Name), 0o755))
	c.create(n)
}

func TestAnArchiveHoldsExactlyTheFiles(t *testing.T) {
	search := configv1.Image{Spec: configv1.ImageSpec{RegistrySources: configv1.RegistrySources{
		ContainerRuntimeSearchRegistries: []string{"quay.io"}, BlockedRegistries: []string{"evil.example.com"}, InsecureRegistries: []string{"m1.example.com"},
	}}}
	for name, o := range map[string]*mirrorObjects{
		"none":          {},
		"the documents": {openshiftapi.Objects{ImageDigestMirrorSets: configv1.ImageDigestMirrorSetList{Items: []configv1.ImageDigestMirrorSet{*documented()}}}},
		"everything": {openshiftapi.Objects{
			ImageDigestMirrorSets: configv1.ImageDigestMirrorSetList{Items: []configv1.ImageDigestMirrorSet{*digestMirrors("a",
				byDigest("*.example.org", never, "mirror.example.com/wild"), byDigest("quay.io/a", allow, "m1.example.com/a"),
				byDigest("Quay.io/b", never, "m1.example.com/b"), byDigest("registry.example.com:5000/c", "", "m2.example.com/c"),
				byDigest("aux.example.com", never, "m3.example.com"))}},
			ImageTagMirrorSets: configv1.ImageTagMirrorSetList{Items: []configv1.ImageTagMirrorSet{*tagMirrors("b", byTag("quay.io/a", allow, "m4.example.com:8443/x/a"))}},
			Images:             configv1.ImageList{Items: []configv1.Image{search}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			files := filesOf(t, o, "a.example.org")
			data, err := pack(files)
			require.NoError(t, err)
			again, err := pack(files)
			require.NoError(t, err)
			require.Equal(t, data, again, "the same files make the same archive")
			back, err := unpack(data)
			require.NoError(t, err)
			for _, p := range []finding.Platform{finding.Linux, finding.Windows} {
				require.Equal(t, files.content(p), back.content(p))
				require.Equal(t, files.hash(p), back.hash(p))
			}
			for range 300 {
				i := rand.Intn(len(data))
				_, err := unpack(data[:i])
				require.Error(t, err, "cut after %d bytes", i)
			}
		})
	}
}

func TestAnArchiveHoldsCredentialsAndCertificatesAndTheHashTellsNoPassword(t *testing.T) {
	hashes := map[string]bool{}
	for _, password := range []string{"one", "other"} {
		secret, findings := hoststoml.ParsePullSecret("x", fmt.Appendf(nil, `{"auths": {"m.example.com": {"username": "u", "password": %q}}}`, password))
		require.Empty(t, findings)
		set, err := (&openshiftapi.Objects{ImageDigestMirrorSets: configv1.ImageDigestMirrorSetList{Items: []configv1.ImageDigestMirrorSet{
			*digestMirrors("a", byDigest("quay.io/team", never, "m.example.com/team"))}}}).Set()
		require.NoError(t, err)
		rules, err := set.Rules()
		require.NoError(t, err)
		files, _ := render(rules, nil, credentials{secret, "uid@1"})
		files.Windows.Tree[0].Extra = hoststoml.Extra{hoststoml.ExtraName("ca.pem", []byte("x")): hoststoml.NewSecret("x")}
		files.Windows.Hash = files.Windows.hash()
		data, err := pack(files)
		require.NoError(t, err)
		back, err := unpack(data)
		require.NoError(t, err)
		require.Equal(t, files.content(finding.Windows), back.content(finding.Windows))
		require.Contains(t, fmt.Sprint(back.content(finding.Windows)), "Basic ")
		require.Equal(t, files.Windows.Hash, back.Windows.Hash)
		hashes[files.Windows.Hash] = true
		files.Windows.Credentials = "uid@2"
		require.NotEqual(t, files.Windows.Hash, files.Windows.hash(), "another version of the pull secret is another hash")
	}
	require.Len(t, hashes, 1)
}

// writes lets a number of writes through.
type writes struct {
	client.Client
	left int
}

var errKilled = errors.New("the operator is dead")

func (w *writes) may() error {
	if w.left--; w.left < 0 {
		return errKilled
	}
	return nil
}

func (w *writes) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	if err := w.may(); err != nil {
		return err
	}
	return w.Client.Create(ctx, o, opts...)
}

func (w *writes) Update(ctx context.Context, o client.Object, opts ...client.UpdateOption) error {
	if err := w.may(); err != nil {
		return err
	}
	return w.Client.Update(ctx, o, opts...)
}

func (w *writes) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	if err := w.may(); err != nil {
		return err
	}
	return w.Client.Delete(ctx, o, opts...)
}

func TestAStoreHasOldFilesOrNewOnesWhereverItIsInterrupted(t *testing.T) {
	c := newCluster(t)
	s := c.store()
	first, second := someFiles(t, "first"), someFiles(t, "second")
	for left := 0; ; left++ {
		for name := range c.stored() {
			c.delete(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
		}
		replaced, err := s.save(c.ctx, c.pulls(), first)
		require.NoError(t, err)
		require.ErrorIs(t, replaced, errNoneStored)

		killed := &Store{Client: &writes{c, left}, Live: c, Namespace: namespace}
		_, err = killed.save(c.ctx, c.pulls(), second)
		if err == nil {
			require.GreaterOrEqual(t, left, 3, "a part, the index, and the old part")
			break
		}
		require.ErrorIs(t, err, errKilled)
		files, err := s.load(c.ctx)
		require.NoError(t, err)
		want := first
		if left >= 2 {
			want = second
		}
		require.Equal(t, want.Windows.Hash, files.Windows.Hash)

		third := someFiles(t, "third")
		replaced, err = s.save(c.ctx, c.pulls(), third)
		require.NoError(t, err)
		require.NoError(t, replaced, "nothing was wrong")
		files, err = s.load(c.ctx)
		require.NoError(t, err)
		require.Equal(t, third.Linux.Hash, files.Linux.Hash)
		require.Len(t, c.stored(), 2, "nothing is left behind")
	}
}

func TestAStoreSaysWhatIsWrongWithIt(t *testing.T) {
	c := newCluster(t)
	s := c.store()
	index := func(key, value string) func() {
		return func() {
			o := c.stored()[indexName]
			o.Data[key] = []byte(value)
			require.NoError(t, c.Update(c.ctx, o))
		}
	}
	part := func(change func([]byte) []byte) func() { // a real API server would not have it changed
		return func() {
			for name, o := range c.stored() {
				if name != indexName {
					c.delete(o)
					o.ResourceVersion, o.UID = "", ""
					o.Data[partKey] = change(slices.Clone(o.Data[partKey]))
					c.create(o)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		damage  func()
		is      error
		message string
	}{
		"all gone": {func() { c.clear(); c.create(&ClusterPulls{ObjectMeta: metav1.ObjectMeta{Name: clusterName}}) },
			errNoneStored, "no files are stored: there is no Secret pullroute/pullroute-last-good"},
		"a newer version":      {index("format", "2"), errNewer, "of a newer version of the operator: Secret pullroute/pullroute-last-good: format 2, and this one knows 1"},
		"no version":           {index("format", ""), errDamaged, `format "": is no version`},
		"another hash":         {index("sha256", "x"), errDamaged, `sha256 "x": is not the hash of its parts`},
		"more parts":           {index("parts", "2000000000"), errDamaged, "-1, part 2 of 2000000000"},
		"no parts":             {index("parts", "0"), errDamaged, `parts "0": is no count`},
		"a name that is none":  {index("name", "../secrets/x"), errDamaged, `name "../secrets/x": is no beginning of a name`},
		"a name of nothing":    {index("name", "other"), errDamaged, "there is no Secret other-0, part 1 of 1"},
		"a bit is flipped":     {part(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), errDamaged, "is not the hash of its parts"},
		"half a part":          {part(func(b []byte) []byte { return b[:len(b)/2] }), errDamaged, "is not the hash of its parts"},
		"a part without bytes": {part(func([]byte) []byte { return nil }), errDamaged, "is not the hash of its parts"},
	} {
		files := someFiles(t, "a")
		_, err := s.save(c.ctx, c.pulls(), files)
		require.NoError(t, err, name)
		tt.damage()
		_, err = s.load(c.ctx)
		require.ErrorIs(t, err, tt.is, name)
		require.ErrorContains(t, err, tt.message, name)
		require.True(t, lasting(err), name)

		replaced, err := s.save(c.ctx, c.pulls(), files)
		require.NoError(t, err, name)
		require.ErrorIs(t, replaced, tt.is, name)
		back, err := s.load(c.ctx)
		require.NoError(t, err, name)
		require.Equal(t, files.Windows.Hash, back.Windows.Hash, name)
		require.Len(t, c.stored(), 2, name)
	}
}

func TestTheStoreBelongsToTheClusterPulls(t *testing.T) {
	c := newCluster(t)
	files := someFiles(t, "a")
	for range 2 {
		_, err := c.store().save(c.ctx, c.pulls(), files)
		require.NoError(t, err)
		stored := c.stored()
		require.Len(t, stored, 2)
		for name, o := range stored {
			require.Equal(t, []metav1.OwnerReference{{
				APIVersion: "pulls.example.com/v1alpha1", Kind: "ClusterPulls", Name: clusterName, UID: c.pulls().UID,
			}}, o.OwnerReferences, name)
			require.Equal(t, "pullroute-operator", o.Labels[managedByLabel])
			require.Equal(t, name != indexName, o.Immutable != nil && *o.Immutable, "parts never change")
		}
		c.delete(c.pulls()) // the store of an owner that is gone is made anew
		c.create(&ClusterPulls{ObjectMeta: metav1.ObjectMeta{Name: clusterName}})
	}
}

func TestWithoutLastGoodFilesANewNodeSaysWhyItHasNone(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.refuse()
	op := c.start(Directories(c.dir), testOptions)
	for _, name := range []string{"linux", "windows"} {
		c.eventually("the node says why it has no files", func() bool {
			condition := meta.FindStatusCondition(c.node(name).Status.Conditions, conditionApplied)
			return condition != nil && condition.Reason == "NoFiles" && strings.Contains(condition.Message, "no files are stored: there is no Secret pullroute/pullroute-last-good")
		})
		require.Empty(t, onDisk(t, c.path(name)))
	}
	c.eventually("the status says so", func() bool { return c.condition(conditionStored).Reason == "NothingStored" })
	require.Contains(t, c.condition(conditionStored).Message, "new ones get no files until")
	require.Equal(t, 0.0, gathered(t, op.registry)["pullroute_last_good_stored"])
	c.eventually("and events do", func() bool {
		all := strings.Join(c.events(), "\n")
		return strings.Contains(all, "NothingStored ClusterPulls/cluster: ") && strings.Contains(all, "NoFiles NodePulls/windows: ")
	})
	c.mend()
	c.settled(linux(), windows())
	c.eventually("all is well", func() bool { return c.condition(conditionStored).Reason == "Stored" })
}

func TestADamagedStoreIsSaidAndStoredAgain(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.create(documented())
	op := c.start(Directories(c.dir), testOptions)
	c.settled(linux(), windows())
	before := onDisk(t, c.path("windows"))
	op.stop(t)

	for _, o := range c.stored() {
		if o.Name != indexName {
			c.delete(o)
		}
	}
	c.refuse()
	late := newNode("late", finding.Windows)
	c.add(late)
	op = c.start(Directories(c.dir), testOptions)
	c.eventually("the status says what is wrong", func() bool {
		return c.condition(conditionStored).Reason == "Damaged" && strings.Contains(c.condition(conditionStored).Message, "there is no Secret pullroute-last-good-")
	})
	c.eventually("the new node says so", func() bool {
		conditions := c.node("late").Status.Conditions
		return len(conditions) == 1 && conditions[0].Reason == "NoFiles" && strings.Contains(conditions[0].Message, "the stored files are damaged")
	})
	require.Equal(t, before, onDisk(t, c.path("windows")), "who has files keeps them")
	require.True(t, meta.IsStatusConditionTrue(c.node("windows").Status.Conditions, conditionApplied))
	require.Equal(t, 0.0, gathered(t, op.registry)["pullroute_last_good_stored"])

	c.mend()
	c.settled(linux(), windows(), late)
	files, err := c.store().load(c.ctx)
	require.NoError(t, err)
	require.Equal(t, c.want().Windows.Hash, files.Windows.Hash)
	c.eventually("events tell both", func() bool {
		all := strings.Join(c.events(), "\n")
		return strings.Contains(all, "Damaged ClusterPulls/cluster: ") && strings.Contains(all, "StoredAgain ClusterPulls/cluster: the last good files are stored again: the stored files are damaged")
	})
}

func TestWhatIsDeletedWhileTheObjectsAreRefusedIsStoredAgain(t *testing.T) {
	c := newCluster(t, windows())
	c.create(documented())
	o := testOptions
	o.Resync = 50 * time.Millisecond
	c.start(Directories(c.dir), o)
	c.settled(windows())
	good := c.want().Windows.Hash
	c.refuse()
	c.eventually("the objects are refused", func() bool { return c.condition(conditionRendered).Reason == "Refused" })
	c.delete(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: indexName}})
	c.eventually("they are stored again", func() bool {
		files, err := c.store().load(c.ctx)
		return err == nil && files.Windows.Hash == good
	})
	c.eventually("an event says so", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "StoredAgain ClusterPulls/cluster: ")
	})
}

func TestFilesAreStoredBeforeTheyReachANode(t *testing.T) {
	c := newCluster(t, linux(), windows())
	t.Cleanup(func() { refuseSecrets.Store(false) }) // before the cluster's own
	f := newFleet(t, c.dir, 1)
	var early []string
	f.before = func(node *NodePulls, call, name string) {
		files, err := c.store().load(c.ctx)
		if err != nil || files.Windows.Hash != c.want().Windows.Hash {
			early = append(early, fmt.Sprintf("%s: %s %s: %v", node.Name, call, name, err))
		}
	}
	c.create(documented())
	o := testOptions
	o.Limit = 1 // f.before is for one at a time
	op := f.start(c, o)
	c.settled(linux(), windows())
	require.Empty(t, early)

	// Whose files cannot be stored keeps its nodes as they are, new ones included.
	before := []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))}
	refuseSecrets.Store(true)
	c.put(digestMirrors("more", byDigest("quay.io/team", never, "mirror.example.com/team")))
	c.eventually("the status says so", func() bool { return c.condition(conditionStored).Reason == "NotStored" })
	require.Contains(t, c.condition(conditionStored).Message, "not by this account")
	late := newNode("late", finding.Windows)
	f.before = nil
	c.add(late)
	c.eventually("the new node has the last files", func() bool { return len(onDisk(t, c.path("late"))) > 0 && nodeStates(t, op)["applied"] == 3 })
	f.kill(op)
	op = f.start(c, o)
	c.eventually("and after a restart", func() bool { return nodeStates(t, op)["applied"] == 3 })
	require.Equal(t, before, []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))})
	require.Equal(t, before[1], onDisk(t, c.path("late")))

	refuseSecrets.Store(false)
	c.settled(linux(), windows(), late)
	c.eventually("the status says that all is well", func() bool { return c.condition(conditionStored).Reason == "Stored" })
	f.kill(op)

	// Where nothing is stored, nothing can come back, and files are better than none.
	for _, o := range c.stored() {
		c.delete(o)
	}
	refuseSecrets.Store(true)
	last := newNode("last", finding.Windows)
	c.add(last)
	f.start(c, o)
	c.settled(linux(), windows(), late, last)
	c.eventually("the status says what is missing", func() bool { return c.condition(conditionStored).Reason == "NotStored" })
}

func TestFilesThatAreTooBigForOneSecret(t *testing.T) {
	c := newCluster(t, linux())
	r := seedOf(t)
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for i := range 4 {
		var entries []configv1.ImageDigestMirrors
		for range 1500 {
			name := make([]byte, 200) // which no compression makes smaller
			for i := range name {
				name[i] = letters[r.Intn(len(letters))]
			}
			entries = append(entries, byDigest("big.example.com/"+string(name), never, configv1.ImageMirror("mirror.example.com/"+string(name))))
		}
		c.create(digestMirrors(fmt.Sprintf("big-%d", i), entries...))
	}
	op := c.start(Directories(c.dir), testOptions)
	c.settled(linux())
	parts := 0
	for name, o := range c.stored() {
		if name != indexName {
			parts++
			require.NotEmpty(t, o.Data[partKey])
		}
	}
	require.Equal(t, 2, parts)
	want := c.want()
	op.stop(t)

	c.refuse()
	lateLinux, lateWindows := newNode("late-linux", finding.Linux), newNode("late-windows", finding.Windows)
	c.add(lateLinux)
	c.add(lateWindows)
	op = c.start(Directories(c.dir), testOptions)
	c.eventually("the new nodes have the last good files", func() bool { return nodeStates(t, op)["applied"] == 3 })
	require.True(t, want.content(finding.Linux)[registriesconf.FileName] == onDisk(t, c.path("late-linux"))[registriesconf.FileName])
	require.Equal(t, want.content(finding.Windows), onDisk(t, c.path("late-windows")))

	for i := range 4 {
		c.delete(digestMirrors(fmt.Sprintf("big-%d", i)))
	}
	c.mend()
	c.settled(linux(), lateLinux, lateWindows)
	require.Len(t, c.stored(), 2, "one part is enough again")
}

func TestOldFilesThatCannotBeRemovedHoldBackNothingAndAreSaid(t *testing.T) {
	c := newCluster(t, linux())
	t.Cleanup(func() { refuseRemovals.Store(false) }) // before the cluster's own
	c.start(Directories(c.dir), testOptions)
	c.settled(linux())
	refuseRemovals.Store(true)
	for _, name := range []string{"a", "b"} {
		c.create(digestMirrors(name, byDigest("quay.io/team-"+name, never, configv1.ImageMirror("mirror.example.com/"+name))))
		c.settled(linux())
		c.eventually("the status says what is left", func() bool { return c.condition(conditionStored).Reason == "LeftBehind" })
	}
	require.Equal(t, metav1.ConditionTrue, c.condition(conditionStored).Status, "a restart finds the last good files")
	require.Contains(t, c.condition(conditionStored).Message, "not by this account")
	require.Len(t, c.stored(), 4)
	refuseRemovals.Store(false)
	c.eventually("all is well", func() bool { return c.condition(conditionStored).Reason == "Stored" })
	require.Len(t, c.stored(), 2)
}

func TestANodeThatComesNewGetsTheLastFilesWhileTheObjectsCannotBeRead(t *testing.T) {
	c := newCluster(t, windows())
	t.Cleanup(func() { refuseMoments.Store(false) })
	c.create(documented())
	op := c.start(Directories(c.dir), testOptions)
	c.settled(windows())
	op.stop(t)
	want := onDisk(t, c.path("windows"))

	refuseMoments.Store(true)
	late := newNode("late", finding.Windows)
	c.add(late)
	op = c.start(Directories(c.dir), testOptions)
	c.eventually("the new node has the last files", func() bool { return nodeStates(t, op)["applied"] == 2 })
	require.Equal(t, want, onDisk(t, c.path("late")))
	c.eventually("the status says why it has no newer ones", func() bool { return c.condition(conditionRendered).Reason == "Unread" })
	require.Contains(t, c.condition(conditionRendered).Message, "not by this account")
	c.eventually("so does an event", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "Unread ClusterPulls/cluster: ")
	})
	op.stop(t)

	// Where none are stored, it says why.
	for _, o := range c.stored() {
		c.delete(o)
	}
	last := newNode("last", finding.Windows)
	c.add(last)
	c.start(Directories(c.dir), testOptions)
	c.eventually("the node says why it has no files", func() bool {
		condition := meta.FindStatusCondition(c.node("last").Status.Conditions, conditionApplied)
		return condition != nil && strings.Contains(condition.Message, "the mirror objects cannot be read (not by this account), and no files are stored")
	})
	refuseMoments.Store(false)
	c.settled(windows(), late, last)
	c.eventually("all is well", func() bool { return c.condition(conditionRendered).Reason == "Rendered" })
}

func TestADropInThatIsInTheWayHoldsBackNoRegistriesConf(t *testing.T) {
	files := someFiles(t, "a").Linux
	files.Search = &registriesconf.Config{UnqualifiedSearchRegistries: []string{"quay.io"}}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/"+registriesconf.SearchDropIn, 0o755)) // a directory, which is no file of ours
	node, err := nodefiles.OpenLocal(dir)
	require.NoError(t, err)
	defer node.Close()
	said := 0
	announce := func(registriesconf.NodeImpact) error { said++; return nil }
	for range 2 {
		require.ErrorIs(t, files.apply(t.Context(), node, announce), nodefiles.ErrConflict)
		data, err := os.ReadFile(dir + "/" + registriesconf.FileName)
		require.NoError(t, err)
		require.Equal(t, string(files.Config.Bytes()), string(data), "it forbids a source")
	}
	require.LessOrEqual(t, said, 1, "the second time nothing changes")
	require.NoError(t, os.Remove(dir+"/"+registriesconf.SearchDropIn))
	require.NoError(t, files.apply(t.Context(), node, announce))
}
