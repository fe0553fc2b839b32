package main

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
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
	everywhere []rbacv1.PolicyRule
	in         map[string][]rbacv1.PolicyRule // by namespace

	mu   sync.Mutex
	used map[string]bool
}

func readPermissions() (*permissions, error) {
	data, err := os.ReadFile("config/rbac.yaml")
	if err != nil {
		return nil, err
	}
	p := &permissions{in: map[string][]rbacv1.PolicyRule{}, used: map[string]bool{}}
	for _, document := range strings.Split(string(data), "\n---\n") {
		var o rbacv1.ClusterRole // a Role has the same fields
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			return nil, err
		}
		switch o.Kind {
		case "ClusterRole":
			p.everywhere = append(p.everywhere, o.Rules...)
		case "Role":
			p.in[o.Namespace] = append(p.in[o.Namespace], o.Rules...)
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
	resource := strings.TrimSuffix(info.Resource+"/"+info.Subresource, "/")
	for i, rule := range slices.Concat(p.everywhere, p.in[info.Namespace]) {
		if slices.Contains(rule.APIGroups, info.APIGroup) && slices.Contains(rule.Resources, resource) && slices.Contains(rule.Verbs, info.Verb) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, info.Name)) {
			where := ""
			if i >= len(p.everywhere) {
				where = info.Namespace
			}
			p.mu.Lock()
			p.used[permission(where, rule, info.APIGroup, resource, info.Verb)] = true
			p.mu.Unlock()
			return nil
		}
	}
	return fmt.Errorf("config/rbac.yaml does not let the operator %s %s of %q in namespace %q", info.Verb, resource, info.APIGroup, info.Namespace)
}

// permission names one thing that a rule allows.
func permission(where string, rule rbacv1.PolicyRule, group, resource, verb string) string {
	return fmt.Sprintf("%s %s of %q %v in %q", verb, resource, group, rule.ResourceNames, where)
}

// unused returns what is allowed and was never done.
func (p *permissions) unused() (unused []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for where, rules := range p.all() {
		for _, rule := range rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						if what := permission(where, rule, group, resource, verb); !p.used[what] {
							unused = append(unused, what)
						}
					}
				}
			}
		}
	}
	slices.Sort(unused)
	return unused
}

func (p *permissions) all() map[string][]rbacv1.PolicyRule {
	all := maps.Clone(p.in)
	all[""] = p.everywhere
	return all
}

// compareWithRoles compares the roles with what the operators of all tests were seen to do. Of some of the tests
// it says nothing.
func compareWithRoles() error {
	if flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != "" || testing.Short() {
		return nil
	}
	if unused := frontPermissions.unused(); len(unused) > 0 {
		return fmt.Errorf("config/rbac.yaml allows what no operator was seen to do: %s", strings.Join(unused, "; "))
	}
	fmt.Printf("the operators used each of the %d permissions of config/rbac.yaml\n", len(frontPermissions.used))
	return nil
}

// frontPermissions are those that the tests' API server holds operators to.
var frontPermissions *permissions

func TestTheOperatorMayDoNoMoreThanItsRolesSay(t *testing.T) {
	p, err := readPermissions()
	require.NoError(t, err)
	for path, allowed := range map[string]bool{
		"GET /apis/config.openshift.io/v1/images":                                                              true,
		"GET /apis/config.openshift.io/v1/images/cluster":                                                      false,
		"GET /apis/pulls.example.com/v1alpha1/nodepulls/a":                                                     true,
		"PATCH /apis/pulls.example.com/v1alpha1/nodepulls/a/status":                                            true,
		"PATCH /apis/pulls.example.com/v1alpha1/nodepulls/a":                                                   false,
		"POST /apis/events.k8s.io/v1/namespaces/default/events":                                                true,
		"DELETE /api/v1/namespaces/pullroute/secrets/pullroute-last-good":                                      true,
		"DELETE /api/v1/namespaces/pullroute/secrets":                                                          false,
		"GET /api/v1/namespaces/openshift-config/configmaps":                                                   true,
		"GET /api/v1/namespaces/openshift-config/secrets/pull-secret":                                          true,
		"GET /api/v1/namespaces/openshift-config/secrets/x":                                                    false,
		"GET /api/v1/namespaces/openshift-config/secrets":                                                      false,
		"GET /api/v1/namespaces/openshift-config/secrets?fieldSelector=metadata.name%3Dpull-secret&watch=true": true,
		"GET /api/v1/namespaces/default/configmaps/x":                                                          false,
		"GET /api/v1/namespaces/default/secrets/x":                                                             false,
		"GET /api/v1/namespaces/pullroute/configmaps/x":                                                        false,
		"PUT /apis/coordination.k8s.io/v1/namespaces/pullroute/leases/pullroute-operator":                      true,
		"PUT /apis/coordination.k8s.io/v1/namespaces/pullroute/leases/other":                                   false,
		"PUT /apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager":               false,
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
