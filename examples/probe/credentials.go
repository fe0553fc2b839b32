package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/internal/shown"
)

// A keychain has the credentials of files, in the form that docker's config.json, podman's auth.json and
// pull secrets share. The first file with one for a location counts, and in a file the most specific
// entry, as for CRI-O and the kubelet: quay.io/team before quay.io.
type keychain []keyFile

type keyFile struct {
	name string
	auth map[string]types.AuthConfig // by host[:port][/path]
	file *configfile.ConfigFile
}

// dockerHub are the names under which credentials of registry-1.docker.io stand.
var dockerHub = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}

// readKeychain reads files, and those of docker and podman where these are named.
func readKeychain(names []string) (keychain, error) {
	var k keychain
	for _, name := range names {
		path := name
		switch name {
		case "docker":
			path = filepath.Join(config.Dir(), config.ConfigFileName)
		case "podman":
			path = podmanFile()
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--credentials: %w", err)
		}
		f, err := parseKeys(data)
		if err != nil {
			return nil, fmt.Errorf("--credentials %s: %w", shown.Text(name), err)
		}
		f.name = shown.Text(name)
		k = append(k, f)
	}
	return k, nil
}

// podmanFile returns where podman login puts credentials (containers-auth.json(5)).
func podmanFile() string {
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		return file
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "containers", "auth.json")
	}
	return fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid())
}

// errNoKeys says nothing of what the file holds.
var errNoKeys = errors.New(`is no file of credentials: JSON with "auths", or a Secret of type ` +
	"kubernetes.io/dockerconfigjson")

// parseKeys reads a file of credentials, also one that stands in a Secret.
func parseKeys(data []byte) (keyFile, error) {
	var secret struct {
		Kind string            `yaml:"kind"`
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(data, &secret); err == nil && secret.Kind == "Secret" {
		inner, err := base64.StdEncoding.DecodeString(secret.Data[".dockerconfigjson"])
		if err != nil || len(inner) == 0 {
			return keyFile{}, errNoKeys
		}
		data = inner
	}
	file, err := config.LoadFromReader(bytes.NewReader(data))
	if err != nil {
		return keyFile{}, errNoKeys // the error may repeat a part of the file
	}
	f := keyFile{auth: map[string]types.AuthConfig{}, file: file}
	for key, auth := range file.AuthConfigs {
		_, place, ok := strings.Cut(key, "://")
		if ok {
			place, _, _ = strings.Cut(place, "/") // https://index.docker.io/v1/
		} else {
			place = key
		}
		f.auth[strings.TrimSuffix(place, "/")] = auth
	}
	return f, nil
}

// find returns the credential for a location, host[:port]/repository, and says where it is from.
func (k keychain) find(location string) (auth authn.Authenticator, from string, err error) {
	for _, f := range k {
		for _, place := range places(location) {
			c, ok := f.auth[place]
			if !ok && !strings.Contains(place, "/") {
				if c, ok, err = f.helper(place); err != nil {
					return nil, "", err
				}
			}
			if ok && (c.Username != "" || c.IdentityToken != "" || c.RegistryToken != "") {
				return authn.FromConfig(authn.AuthConfig{
					Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
				}), place + " of " + f.name, nil
			}
		}
	}
	return authn.Anonymous, "", nil
}

// helper asks the credential helper that the file names for a registry.
func (f *keyFile) helper(host string) (types.AuthConfig, bool, error) {
	if f.file.CredentialHelpers[host] == "" && f.file.CredentialsStore == "" {
		return types.AuthConfig{}, false, nil
	}
	if host == "index.docker.io" {
		host = authn.DefaultAuthKey
	}
	c, err := f.file.GetCredentialsStore(host).Get(host)
	if err != nil {
		return c, false, fmt.Errorf("the credential helper of %s for %s failed", f.name, shown.Location(host))
	}
	return c, c.Username != "" || c.IdentityToken != "", nil
}

// places are the keys under which a credential for a location may stand, the most specific first.
func places(location string) []string {
	host, path, _ := strings.Cut(location, "/")
	hosts := []string{host}
	if host == dockerHub[len(dockerHub)-1] {
		hosts = dockerHub
	}
	var all []string
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '/'))] {
		for _, host := range hosts {
			all = append(all, host+"/"+path)
		}
	}
	return append(all, hosts...)
}
