package clientlog

import (
	"strings"
	"sync"
)

// besides holds the beginnings of lines of the clients that say nothing of where an image was asked for: of
// debug traces of containers-image 5.22 to 5.42 and containers/common, of what podman, skopeo and CRI-O print, of
// containerd 1.6 to 2.4, and of the kubelet.
var besides = sync.OnceValue(func() []string { return strings.Split(strings.Trim(besideLines, "\n"), "\n") })

const besideLines = `
... will first try
Applying tar in
Attempting to pull candidate
Called pull.Persistent
Checking if we can reuse blob
Compression change for blob
Configured OCI runtime
Content-Type from manifest GET is
Copying
Copying blob
Copying config
Copying source image
Credentials for
Detected 'Retry-After'
Detected compression format
Detected insufficient_scope
Discarding non-primary errors
Downloading /v2/
Error pulling image
Error syncing pod
Error: ErrImagePull
Error: ImagePullBackOff
Found an empty credential
Found credentials
Found image
GET http
Getting image source signatures
ImageCreate event
ImagePull (
ImageUpdate event
Increasing token expiration
Initialized SHM
Initializing
IsRunningImageAllowed for image
Loading registries configuration
Looking for TLS certificates
Looking for namespaced auth
Looking for sigstore attachments
Looking up image
Looking up in credential helper
Manifest has MIME type
Merged system config
No compression detected
No credentials
No signature storage configuration found
None of the challenges
Normalized platform
Not looking for sigstore
Overall:
POST http
Ping http
Podman detected system restart
Pull timeout is
PullImage using normalized image ref
Pulled candidate
Pulling OCI artifact
Pulling image
Reading /
Request:
Requirement
Response:
Retry-After
Returning credentials
Set libpod namespace
Setting parallel job count
Sigstore attachments:
Skipped layer
Skipping blob
Start untar layer
Storing list signatures
Storing signatures
Successfully assigned
Too many requests to
Trying "
Unauthorized
Untar time
Using OCI runtime
Using auth file for namespace
Using blob
Using blob info cache
Using conmon
Using default policy section
Using graph
Using original blob
Using pull policy path
Using registries.d directory
Using run root
Using static dir
Using tmp dir
Using transport
Using volume path
Writing manifest to image destination
[graphdriver]
added name
cert:
created new image ID
crt:
error accessing certs directory
exporting opaque data as blob
fetching layer
host will try HTTPS first
key:
loading host directory
no Docker-Content-Digest header
no handler for
parsed reference into
podman filtering at log level
resolved
resolving
saved image metadata
stop pulling image
`

// isBeside reports whether a message is one of these.
func isBeside(text string) bool {
	text = strings.TrimSpace(text)
	for _, begin := range besides() {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return strings.HasSuffix(text, "Error: ErrImagePull") || strings.HasSuffix(text, "Error: ImagePullBackOff")
}
