package openshift

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// CRDs is the part of the API server that takes or refuses objects of custom kinds, with
// OpenShift's own definitions of ImageDigestMirrorSet, ImageTagMirrorSet, Image and
// ImageContentSourcePolicy.
type CRDs struct {
	kinds map[string]crd // by apiVersion/kind
}

type crd struct {
	validator  validation.SchemaValidator
	structural *structuralschema.Structural
	cel        *cel.Validator
}

// crdFiles lie in github.com/openshift/api, one for each kind.
var crdFiles = []string{
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagedigestmirrorsets.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagetagmirrorsets.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_clusterimagepolicies.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagepolicies.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_images.crd.yaml",
	"operator/v1alpha1/zz_generated.crd-manifests/0000_10_config-operator_01_imagecontentsourcepolicies.crd.yaml",
}

// LoadCRDs reads the definitions from the module cache, where the go command finds them.
func LoadCRDs() (*CRDs, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/openshift/api").Output()
	if err != nil {
		return nil, fmt.Errorf("looking for github.com/openshift/api: %w", err)
	}
	crds := &CRDs{kinds: map[string]crd{}}
	for _, f := range crdFiles {
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), f))
		if err != nil {
			return nil, err
		}
		if err := crds.add(b); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return crds, nil
}

func (c *CRDs) add(definition []byte) error {
	var external apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(definition, &external); err != nil {
		return err
	}
	for _, version := range external.Spec.Versions {
		var props apiextensions.JSONSchemaProps
		err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
			version.Schema.OpenAPIV3Schema,
			&props,
			nil,
		)
		if err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(&props)
		if err != nil {
			return err
		}
		structural, err := structuralschema.NewStructural(&props)
		if err != nil {
			return err
		}
		kind := external.Spec.Group + "/" + version.Name + "/" + external.Spec.Names.Kind
		c.kinds[kind] = crd{validator, structural, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	}
	return nil
}

// Validate says why the API server refuses to create an object, given as YAML or JSON: in the
// order of its own checks, after it has dropped unknown fields and filled in defaults. Metadata
// is judged too. An object that cannot be read, or is of another kind, is an error.
func (c *CRDs) Validate(manifest []byte) (field.ErrorList, error) {
	text, err := yaml.YAMLToJSON(manifest)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil { // tells integers from floats, as the server does
		return nil, err
	}
	u := &unstructured.Unstructured{Object: object}
	kind, ok := c.kinds[u.GetAPIVersion()+"/"+u.GetKind()]
	if !ok {
		return nil, fmt.Errorf("no definition of %s %s", u.GetAPIVersion(), u.GetKind())
	}
	pruning.Prune(object, kind.structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, kind.structural)
	defaulting.Default(object, kind.structural)

	errs := metavalidation.ValidateObjectMetaAccessor(u, false, metavalidation.NameIsDNSSubdomain,
		field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, object, kind.validator)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, kind.structural, object)...)
	if kind.cel != nil && len(errs) == 0 {
		more, _ := kind.cel.Validate(context.Background(), nil, kind.structural, object, nil,
			celconfig.RuntimeCELCostBudget)
		errs = append(errs, more...)
	}
	return errs, nil
}
