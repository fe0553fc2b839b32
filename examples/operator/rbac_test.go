package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"sigs.k8s.io/yaml"
)

// operatorAgent is how operators begin their User-Agent, in this process and as a program; the tests' own
// requests, which nobody holds to the rules, have another.
const operatorAgent = "operator/"

// permissions are the rules of config/rbac.yaml.
type permissions struct {
	everywhere, inNamespace []rbacv1.PolicyRule
}

func readPermissions() (*permissions, error) {
	data, err := os.ReadFile("config/rbac.yaml")
	if err != nil {
		return nil, err
	}
	p := &permissions{}
	for _, document := range strings.Split(string(data), "\n---\n") {
		var o rbacv1.ClusterRole // a Role has the same fields
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			return nil, err
		}
		switch o.Kind {
		case "ClusterRole":
			p.everywhere = append(p.everywhere, o.Rules...)
		case "Role":
			if o.Namespace != namespace {
				return nil, fmt.Errorf("config/rbac.yaml: a Role in namespace %q", o.Namespace)
			}
			p.inNamespace = append(p.inNamespace, o.Rules...)
		}
	}
	return p, nil
}

// check says what a request of an operator is not allowed to.
func (p *permissions) check(r *http.Request) error {
	if !strings.HasPrefix(r.UserAgent(), operatorAgent) {
		return nil
	}
	factory := request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	info, err := factory.NewRequestInfo(r)
	if err != nil || !info.IsResourceRequest {
		return err
	}
	rules := p.everywhere
	if info.Namespace == namespace {
		rules = slices.Concat(rules, p.inNamespace)
	}
	resource := strings.TrimSuffix(info.Resource+"/"+info.Subresource, "/")
	for _, rule := range rules {
		if slices.Contains(rule.APIGroups, info.APIGroup) && slices.Contains(rule.Resources, resource) && slices.Contains(rule.Verbs, info.Verb) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, info.Name)) {
			return nil
		}
	}
	return fmt.Errorf("config/rbac.yaml does not let the operator %s %s of %q in namespace %q", info.Verb, resource, info.APIGroup, info.Namespace)
}

func TestTheOperatorMayDoNoMoreThanItsRolesSay(t *testing.T) {
	p, err := readPermissions()
	require.NoError(t, err)
	for path, allowed := range map[string]bool{
		"GET /apis/config.openshift.io/v1/images":                                                true,
		"GET /apis/config.openshift.io/v1/images/cluster":                                        false,
		"GET /apis/pulls.example.com/v1alpha1/nodepulls/a":                                       true,
		"PATCH /apis/pulls.example.com/v1alpha1/nodepulls/a/status":                              true,
		"PATCH /apis/pulls.example.com/v1alpha1/nodepulls/a":                                     false,
		"POST /apis/events.k8s.io/v1/namespaces/default/events":                                  true,
		"DELETE /api/v1/namespaces/pullroute/configmaps/pullroute-last-good":                     true,
		"DELETE /api/v1/namespaces/pullroute/configmaps":                                         false,
		"GET /api/v1/namespaces/default/configmaps/x":                                            false,
		"GET /api/v1/namespaces/pullroute/secrets/x":                                             false,
		"PUT /apis/coordination.k8s.io/v1/namespaces/pullroute/leases/pullroute-operator":        true,
		"PUT /apis/coordination.k8s.io/v1/namespaces/pullroute/leases/other":                     false,
		"PUT /apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager": false,
		"GET /apis": true,
	} {
		method, url, _ := strings.Cut(path, " ")
		r, err := http.NewRequest(method, "http://127.0.0.1"+url, nil)
		require.NoError(t, err)
		r.Header.Set("User-Agent", operatorAgent+"v1")
		require.Equal(t, allowed, p.check(r) == nil, path)
	}
	// The rules hold on the way to the server.
	r, err := http.NewRequest("GET", apiServer.Host+"/api/v1/namespaces/default/configmaps", nil)
	require.NoError(t, err)
	r.Header.Set("User-Agent", operatorAgent+"v1")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}
