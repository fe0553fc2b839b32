package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	servertesting "k8s.io/apiextensions-apiserver/pkg/cmd/server/testing"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/pullroute/pullroute/internal/loopback"
)

// apiServer leads to the Kubernetes API server that the tests of this package run against: the part of it that
// serves custom resources, in this process, storing in an etcd that is started for it.
var apiServer *rest.Config

// temporaryDir lasts as long as the tests.
var temporaryDir string

// statusWrites counts the statuses that were written since the last look.
var statusWrites atomic.Int64

func TestMain(m *testing.M) {
	code, err := runWithServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runWithServer(m *testing.M) (code int, err error) {
	klog.SetLogger(logr.Discard()) // of the server and of the clients, which say much
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	if temporaryDir, err = os.MkdirTemp("", "operator-test"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(temporaryDir)
	etcd, stop, err := startEtcd(filepath.Join(temporaryDir, "etcd"))
	if err != nil {
		return 0, err
	}
	defer stop()

	// The server wants to know whom to ask about users; it is never asked.
	nobody := filepath.Join(temporaryDir, "nobody")
	if err := writeKubeconfig(nobody, &rest.Config{Host: "http://127.0.0.1:1"}); err != nil {
		return 0, err
	}
	running, err := servertesting.StartTestServer(testLog{}, nil, []string{
		"--etcd-servers", etcd,
		"--authentication-skip-lookup", "--authentication-kubeconfig", nobody, "--authorization-kubeconfig", nobody, "--kubeconfig", nobody,
		"--disable-admission-plugins", "NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ValidatingAdmissionPolicy,MutatingAdmissionPolicy",
	}, nil)
	if err != nil {
		return 0, err
	}
	defer running.TearDownFn() // every test has stopped its operators, and with them the watches
	config := rest.CopyConfig(running.ClientConfig)
	config.QPS = -1 // as ctrl.GetConfig has it
	groups, err := installCRDs(config)
	if err != nil {
		return 0, err
	}
	front, err := newFront(config, groups)
	if err != nil {
		return 0, err
	}
	defer front.Close()
	apiServer = &rest.Config{Host: front.URL, QPS: -1}
	code = m.Run()
	if code == 0 {
		err = compareWithRoles()
	}
	return code, err
}

// newFront answers the one question that clients have and this part of the API server does not answer, which
// groups there are, and hands everything else on to it. What clients send of the kinds in testdata/standins.yaml
// comes as protobuf, which no custom resource is read from: it is handed on as JSON. ConfigMaps and Secrets have no group,
// which a custom resource cannot do without: theirs is put in on the way there, and taken out on the way back.
// What config/rbac.yaml does not let operators do is refused.
func newFront(config *rest.Config, groups *metav1.APIGroupList) (*httptest.Server, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1 // watches
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	if proxy.Transport, err = rest.TransportFor(config); err != nil {
		return nil, err
	}
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasPrefix(r.Request.URL.Path, "/apis/"+coreStandin) {
			return nil
		}
		if r.Request.URL.Query().Has("watch") {
			r.Body = &events{r.Body, bufio.NewReader(r.Body), nil}
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, []byte(`"`+coreStandin+`"`), []byte(`"v1"`))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	list, err := json.Marshal(groups)
	if err != nil {
		return nil, err
	}
	allowed, err := readPermissions()
	if err != nil {
		return nil, err
	}
	frontPermissions = allowed
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := allowed.check(r); err != nil {
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, err.Error())
			return
		}
		switch r.URL.Path {
		case "/api":
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"kind": "APIVersions", "versions": ["v1"]}`)
			return
		case "/apis":
			w.Header().Set("Content-Type", "application/json")
			w.Write(list)
			return
		}
		if r.Header.Get("Content-Type") == runtime.ContentTypeProtobuf && r.Method != http.MethodDelete {
			if err := toJSON(r); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1"); ok {
			if refuseSecrets.Load() && r.Method != http.MethodGet || refuseRemovals.Load() && r.Method == http.MethodDelete {
				refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, "not by this account")
				return
			}
			r.URL.Path = "/apis/" + coreStandin + rest
			r.Header.Del("Accept-Encoding") // so that the answer can be read here
			if r.Method == http.MethodPost || r.Method == http.MethodPut {
				if err := checkCore(r); err != nil {
					refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, err.Error())
					return
				}
			}
		}
		if refuseMoments.Load() && r.URL.Query().Get("resourceVersionMatch") == "Exact" && strings.HasPrefix(r.UserAgent(), operatorAgent) {
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, "not by this account")
			return
		}
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/status") {
			statusWrites.Add(1)
		}
		proxy.ServeHTTP(w, r)
	})), nil
}

// events are those of a watch, one a line, with the group taken out.
type events struct {
	io.Closer
	from *bufio.Reader
	line []byte
}

func (e *events) Read(p []byte) (int, error) {
	if len(e.line) == 0 {
		line, err := e.from.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		e.line = bytes.ReplaceAll(line, []byte(`"`+coreStandin+`"`), []byte(`"v1"`))
	}
	n := copy(p, e.line)
	e.line = e.line[n:]
	return n, nil
}

// coreStandin stands for the version of ConfigMaps and Secrets, which have no group.
const coreStandin = "core.example.com/v1"

// refuseSecrets is set while the operator has no right to write Secrets, refuseRemovals while it may not delete any, and
// refuseMoments while it may not read the objects of one moment.
var refuseSecrets, refuseRemovals, refuseMoments atomic.Bool

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

// checkCore holds a ConfigMap or a Secret that is written against the limit that its real definition has (MaxSecretSize,
// in ValidateConfigMap and ValidateSecret), and gives it the group that it is stored under.
func checkCore(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	var secret corev1.Secret // of a ConfigMap, the binary data
	if o["kind"] == "ConfigMap" {
		var m corev1.ConfigMap
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		secret.Data = m.BinaryData
	} else if err := json.Unmarshal(body, &secret); err != nil {
		return err
	}
	size := 0
	for _, v := range secret.Data {
		size += len(v)
	}
	if size > corev1.MaxSecretSize {
		return fmt.Errorf("data: Too long: may not be more than %d bytes", corev1.MaxSecretSize)
	}
	o["apiVersion"] = coreStandin
	if body, err = json.Marshal(o); err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

func toJSON(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	object, kind, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return err
	}
	object.GetObjectKind().SetGroupVersionKind(*kind)
	if body, err = json.Marshal(object); err != nil {
		return err
	}
	r.Header.Set("Content-Type", runtime.ContentTypeJSON)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// testLog is for the server, which says a lot.
type testLog struct{}

func (testLog) Logf(string, ...any)               {}
func (testLog) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (testLog) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// startEtcd starts Debian's etcd, on free ports of the loopback interface.
func startEtcd(dir string) (url string, stop func(), err error) {
	path, err := exec.LookPath("etcd")
	if err != nil {
		return "", nil, fmt.Errorf("etcd is missing (apt-get install etcd-server): %w", err)
	}
	var urls [2]string
	for i := range urls {
		address, release, err := loopback.Hold()
		if err != nil {
			return "", nil, err
		}
		defer release() // etcd listens then, or has ended
		urls[i] = "http://" + address
	}
	var output bytes.Buffer
	etcd := exec.Command(path, "--data-dir", dir, "--log-level", "error",
		"--listen-client-urls", urls[0], "--advertise-client-urls", urls[0],
		"--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1], "--initial-cluster", "default="+urls[1])
	etcd.Stdout, etcd.Stderr = &output, &output
	if err := etcd.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- etcd.Wait() }()
	for range 300 {
		select {
		case err := <-ended:
			return "", nil, fmt.Errorf("etcd: %w: %s", err, output.String())
		case <-time.After(100 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", strings.TrimPrefix(urls[0], "http://")); err == nil {
			c.Close()
			return urls[0], func() { etcd.Process.Kill(); <-ended }, nil
		}
	}
	etcd.Process.Kill()
	<-ended
	return "", nil, fmt.Errorf("etcd does not listen: %s", output.String())
}

// writeKubeconfig writes how to reach a server, as the operator's --kubeconfig takes it.
func writeKubeconfig(path string, c *rest.Config) error {
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"test": {Server: c.Host}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"test": {}},
		Contexts:       map[string]*clientcmdapi.Context{"test": {Cluster: "test", AuthInfo: "test"}},
		CurrentContext: "test",
	}, path)
}

// installCRDs has the server serve OpenShift's mirror objects, as their own module defines them, and the
// operator's two kinds. Leases, events, ConfigMaps and Secrets are not served by this part of the API server, so kinds without
// a schema stand for them; what the operator sends is real, and is stored.
func installCRDs(config *rest.Config) (*metav1.APIGroupList, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/openshift/api").Output()
	if err != nil {
		return nil, fmt.Errorf("looking for github.com/openshift/api: %w", err)
	}
	module := strings.TrimSpace(string(out))
	openshift := filepath.Join(module, "config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_")
	c, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	groups := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	var names []string
	for _, path := range []string{
		openshift + "imagedigestmirrorsets.crd.yaml", openshift + "imagetagmirrorsets.crd.yaml", openshift + "images.crd.yaml",
		filepath.Join(module, "operator/v1alpha1/zz_generated.crd-manifests/0000_10_config-operator_01_imagecontentsourcepolicies.crd.yaml"),
		"config/crds.yaml", "testdata/standins.yaml",
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
		for {
			var crd apiextensionsv1.CustomResourceDefinition
			if err := decoder.Decode(&crd); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			_, err := c.ApiextensionsV1().CustomResourceDefinitions().Create(context.Background(), &crd, metav1.CreateOptions{})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			names = append(names, crd.Name)
			version := metav1.GroupVersionForDiscovery{GroupVersion: crd.Spec.Group + "/" + crd.Spec.Versions[0].Name, Version: crd.Spec.Versions[0].Name}
			groups.Groups = append(groups.Groups, metav1.APIGroup{
				Name: crd.Spec.Group, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version,
			})
		}
	}
	slices.SortFunc(groups.Groups, func(a, b metav1.APIGroup) int { return strings.Compare(a.Name, b.Name) })
	groups.Groups = slices.CompactFunc(groups.Groups, func(a, b metav1.APIGroup) bool { return a.Name == b.Name })
	for _, name := range names {
		if err := established(c, name); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// established waits until a kind is served.
func established(c clientset.Interface, name string) error {
	for range 600 {
		crd, err := c.ApiextensionsV1().CustomResourceDefinitions().Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range crd.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s is not served", name)
}
