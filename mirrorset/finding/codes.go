package finding

// Code names a kind of finding. Codes are stable: one is never given another meaning.
//
// A code is an error that [errors.Is] finds in a [*RefusedError], for callers that branch on the reason:
//
//	if errors.Is(err, finding.CodeUnknownID) {
type Code string

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Refusals and findings of reading.
const (
	CodeUnreadable     Code = "unreadable"       // the input is no YAML or JSON text, or too large
	CodeWrongType      Code = "wrong-type"       // a field holds another type than its schema says
	CodeMissingField   Code = "missing-field"    // a field that the schema requires is absent
	CodeWrongVersion   Code = "wrong-apiversion" // a known kind with an apiVersion it does not have
	CodeUnknownField   Code = "unknown-field"    // a field the schema does not have; the API server drops it
	CodeUnrelatedKind  Code = "unrelated-kind"   // objects of other kinds were skipped
	CodeNotApplied     Code = "not-applied"      // a field that means something, but not for where pulls go
	CodeDuplicate      Code = "duplicate-object" // one kind and name with different content
	CodeNothingRead    Code = "nothing-read"     // an input without a single object of a known kind
	CodeUnreadRules    Code = "unread-rules"     // what was skipped holds rules
	CodeUnreadText     Code = "unread-text"      // a text inside an object speaks of rules and could not be taken apart
	CodeMisspeltKind   Code = "misspelt-kind"    // a kind that is nearly a known one
	CodeTemplate       Code = "template"         // a text that has to be rendered first
	CodeNotCreated     Code = "not-created"      // an object that is not to exist, or is only checked for
	CodeFileNotRead    Code = "file-not-read"    // a file that the client asked about does not read
	CodeAmbiguousInput Code = "ambiguous-input"  // an input that could be read in more than one way
	CodePatch          Code = "patch"            // rules that are put into an object which stands elsewhere
	CodeInvalidFile    Code = "invalid-file"     // a file of a node that its client refuses or ignores
	CodeIgnoredSetting Code = "ignored-setting"  // a setting of a file that its client does not read
)

// Refusals and findings of single objects.
const (
	CodeInvalidName        Code = "invalid-name"         // a name that is none of an object (RFC 1123)
	CodeTooMany            Code = "too-many"             // more entries than the API takes, or a file larger than MCO does
	CodeInvalidSource      Code = "invalid-source"       // a source that the grammar refuses
	CodeInvalidMirror      Code = "invalid-mirror"       // a mirror that the grammar refuses
	CodeInvalidPolicy      Code = "invalid-policy"       // a mirrorSourcePolicy that is none of the two
	CodeInvalidScope       Code = "invalid-scope"        // a registry scope of Image that the grammar refuses
	CodeInvalidImagePolicy Code = "invalid-image-policy" // a field of an image policy that its definition refuses
	CodeRepeatedMirror     Code = "repeated-mirror"      // a mirror listed twice in one entry
	CodePolicyConflict     Code = "policy-conflict"      // one source with both policies
	CodeSourceAsMirror     Code = "source-as-mirror"     // under NeverContactSource, the source among its mirrors
	CodeBothLists          Code = "blocked-and-allowed"
	CodeUnmatchedSource    Code = "unmatched-source" // a source that no image name, written out, lies inside
	CodeManagedCluster     Code = "managed-cluster"  // a mirror object that a HostedCluster's nodes do not read
	CodeAmbiguousHost      Code = "ambiguous-host"   // an IPv4 address that is not written as four decimal numbers
	CodeForeignLayers      Code = "foreign-layers"   // under NeverContactSource, layers that clients fetch from elsewhere
	CodePayloadBlocked     Code = "payload-blocked"  // Linux: a blocked scope around the release payload
	CodePolicyScope        Code = "policy-scope"     // Linux: signatures asked for on a scope where no image can be used
	CodeOverriddenScope    Code = "overridden-scope" // Linux: a scope of an ImagePolicy that a ClusterImagePolicy has
	CodeNoEffect           Code = "no-effect"        // an entry that makes no rule
	CodeOrderConflict      Code = "order-conflict"   // lists whose orders cannot both be kept
)

// Findings of a platform: of its table, or of the plan of one image.
const (
	CodeUnwritable        Code = "unwritable-location" // Linux: a location that is no reference stops the pull
	CodeMirrorBlocked     Code = "mirror-blocked"      // a mirror inside a scope that may not be contacted
	CodePolicyShared      Code = "policy-shared"       // rules of one prefix or registry share the stricter policy
	CodeMCODiffers        Code = "mco-differs"         // Linux: the file that MCO writes leads elsewhere
	CodeWMCODiffers       Code = "wmco-differs"        // Windows: the files that WMCO writes lead elsewhere
	CodeHiddenEntry       Code = "hidden-entry"        // Linux: an entry that a wildcard of the same length hides
	CodeOpensNever        Code = "opens-never"         // Linux: an entry that opens a part of a forbidden source
	CodePullsBlocked      Code = "pulls-blocked"       // NeverContactSource for one kind leaves the other nowhere to go
	CodeNoLocation        Code = "no-location"         // no location is left for a source or an image
	CodeEvadesRule        Code = "evades-rule"         // another spelling of a host than the rule that forbids it
	CodeNoSearchRegistry  Code = "no-search-registry"  // Linux: a name without registry and nowhere to look
	CodeInexactMirror     Code = "inexact-mirror"      // containerd: another location is asked than the mirror names
	CodeSpillover         Code = "spillover"           // containerd: an entry also catches the registry's other images
	CodeTagMirrorDigests  Code = "tag-mirror-digests"  // containerd: a mirror for tags also serves digests
	CodeContainsForbidden Code = "contains-forbidden"  // containerd: some pulls through an endpoint reach a forbidden source
	CodeWildcardUnused    Code = "wildcard-unused"     // containerd: a wildcard that reaches no registry, or forbids more
	CodeNarrowScope       Code = "narrow-scope"        // containerd: a blocked or insecure scope narrower than a registry
	CodeReservedName      Code = "reserved-name"       // a host whose directory Windows cannot make
	CodeHostClash         Code = "host-clash"          // Windows: two hosts whose directories Windows cannot tell apart
	CodeUnknownHost       Code = "unknown-host"        // containerd: a named host that no rule applies to
	CodeForbiddenContact  Code = "forbidden-contact"   // a plan that reaches a source which may not be contacted
	CodeStrictTokens      Code = "strict-token-scope"  // containerd: a mirror on a registry with a strict token server
	CodeOtherPath         Code = "other-path"          // containerd: a path that few registries answer at, or none
	CodeDockerIOServer    Code = "docker-io-server"    // containerd: a hosts.toml asks docker.io, which is no registry
	CodeUnreachableHost   Code = "unreachable-host"    // containerd: a hosts.toml asks what no host can be named
	CodeNoScheme          Code = "no-scheme"           // containerd: a host without a scheme, which is asked by HTTPS
	CodeHTTPSFirst        Code = "https-first"         // containerd: a host with an http URL that is asked by HTTPS first
	CodeServerOnly        Code = "server-only"         // containerd: settings at the top of a hosts.toml, which no host gets
	CodeRewriteOrder      Code = "rewrite-order"       // k3s and RKE2: an image that several rewrites of a host change
)

// Findings of certificates and credentials.
const (
	CodeUnusableCA         Code = "unusable-ca"         // a certificate that cannot be put beside a hosts.toml
	CodeCAAlone            Code = "ca-alone"            // Windows: a CA beside which containerd 1.x trusts no other
	CodeUnusableCredential Code = "unusable-credential" // an entry of a pull secret that nothing can be made of
	CodeIdentityToken      Code = "identity-token"      // a credential that no header can carry
	CodeNarrowCredential   Code = "narrow-credential"   // a credential for less than an endpoint serves
	CodeBearerToken        Code = "bearer-token"        // a credential that containerd 1.x does not take to a token server
	CodeInsecureCredential Code = "insecure-credential" // a credential for a registry that may be asked insecurely
)

// Refusals of the managed cluster's image mirrors, and findings of conversions.
const (
	CodeInvalidID   Code = "invalid-id"    // an id that is not lower-case letters and digits
	CodeIDInUse     Code = "id-in-use"     // an id that another image mirror has
	CodeUnknownID   Code = "unknown-id"    // an id that no image mirror has
	CodeInvalidType Code = "invalid-type"  // an image mirror of another type than digest
	CodeSourceInUse Code = "source-in-use" // a source that has an image mirror already
	CodeSourceFixed Code = "source-fixed"  // a change of source, which only a new image mirror can make
	CodeNotCarried  Code = "not-carried"   // what another kind of object has no place for
	CodeMerged      Code = "merged"        // entries that a conversion writes as one
)
