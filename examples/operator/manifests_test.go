package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

// manifests are the objects of files of config, decoded into the types of k8s.io/api: an unknown or repeated field is an error.
func manifests(t *testing.T, files ...string) (objects []runtime.Object) {
	t.Helper()
	decoder := serializer.NewCodecFactory(clientgoscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, file := range files {
		data, err := os.ReadFile("config/" + file)
		require.NoError(t, err)
		for _, document := range strings.Split(string(data), "\n---\n") {
			object, _, err := decoder.Decode([]byte(document), nil, nil)
			require.NoError(t, err, "config/%s:\n%s", file, document)
			objects = append(objects, object)
		}
	}
	return objects
}

// only returns the one object of a type.
func only[T any](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	var found []T
	for _, o := range objects {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

func TestManifestsFitTogether(t *testing.T) {
	objects := manifests(t, "rbac.yaml", "operator.yaml", "webhook.yaml")
	account := only[*corev1.ServiceAccount](t, objects)
	deployment := only[*appsv1.Deployment](t, objects)
	service := only[*corev1.Service](t, objects)
	webhook := only[*admissionregistrationv1.ValidatingWebhookConfiguration](t, objects).Webhooks[0]
	for _, o := range objects {
		switch o := o.(type) {
		case *rbacv1.RoleBinding:
			require.Equal(t, account.Name, o.Subjects[0].Name)
			require.Equal(t, account.Namespace, o.Subjects[0].Namespace)
		case *rbacv1.ClusterRoleBinding:
			require.Equal(t, account.Name, o.Subjects[0].Name)
			require.Equal(t, account.Namespace, o.Subjects[0].Namespace)
		}
	}
	pod := deployment.Spec.Template
	require.Equal(t, account.Name, pod.Spec.ServiceAccountName)
	require.Equal(t, account.Namespace, deployment.Namespace)
	require.Equal(t, service.Spec.Selector, pod.Labels)
	require.Equal(t, deployment.Spec.Selector.MatchLabels, pod.Labels)

	asked := webhook.ClientConfig.Service
	require.Equal(t, []string{service.Namespace, service.Name, webhookPath}, []string{asked.Namespace, asked.Name, *asked.Path})
	require.Equal(t, int32(443), service.Spec.Ports[0].Port, "where the API server asks unless it is told otherwise")
	ports := map[string]int32{}
	for _, p := range pod.Spec.Containers[0].Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"webhook": 9443, "metrics": 8080, "health": 8081}, ports, "the program's defaults")
	require.Equal(t, "webhook", service.Spec.Ports[0].TargetPort.StrVal)
	require.Equal(t, service.Annotations["service.beta.openshift.io/serving-cert-secret-name"], pod.Spec.Volumes[0].Secret.SecretName)

	program, err := build()
	require.NoError(t, err)
	help, _ := exec.Command(program, "-h").CombinedOutput()
	for _, arg := range pod.Spec.Containers[0].Args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		require.Contains(t, string(help), "\n  -"+name+" ")
	}
	resources := map[string]string{
		"imagedigestmirrorsets": "ImageDigestMirrorSet", "imagetagmirrorsets": "ImageTagMirrorSet", "images": "Image",
		"imagecontentsourcepolicies": "ImageContentSourcePolicy",
	}
	for _, rule := range webhook.Rules {
		for _, resource := range rule.Resources {
			require.NotEmpty(t, resources[resource], resource)
			_, err := (&Webhook{Decoder: noDecoder{}}).decode(requestOf(resources[resource], "x", nil))
			require.NoError(t, err, "the webhook judges every kind that it is asked about")
			delete(resources, resource)
		}
	}
	require.Empty(t, resources)
}
