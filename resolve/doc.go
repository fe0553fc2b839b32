// Package resolve says what a node does with mirroring rules: which locations it asks for an image, in
// which order, and which field of which object sends it there.
//
//	linux := resolve.NewLinuxTable(rules)      // CRI-O, podman, skopeo: registries.conf
//	windows := resolve.NewContainerdTable(rules) // containerd: hosts.toml
//	plan, err := windows.Plan("quay.io/team/app:1.2")
//	for _, attempt := range plan.Pull {
//		fmt.Println(attempt.Location, attempt.Role, attempt.Origins)
//	}
//
// What a plan costs depends on the image's name, not on how many rules there are. Callers that ask
// for one image many times parse the reference once ([ParseReference]). Tables do not change, so
// that a new one can replace the old under load by an atomic pointer.
//
// rules come from package mirrorset; packages registriesconf and hoststoml write the tables as
// files, and turn files that a node already has into tables again.
//
// # What both platforms share
//
// A reference with a digest is served by digest rules, a tag beside it changing nothing; any other
// by tag rules. Of the rules for one kind only those with the longest source that encloses the name
// apply, matched at component boundaries; "*.host" encloses every subdomain of host, on any port,
// and not host itself. The mirrored name is the mirror and what follows the source in the name.
// Mirrors are asked in order, then the source, unless it is under NeverContactSource. This is the
// documentation of ImageDigestMirrorSet and ImageTagMirrorSet in github.com/openshift/api,
// config/v1.
//
// NeverContactSource has a limit that no file can lift: a layer whose descriptor in the manifest
// has urls (a foreign layer, as Windows base images had them until mid-2023) is fetched from these
// first, by containers-image (docker/docker_image_src.go, getExternalBlob) and containerd
// (core/remotes/docker/fetcher.go) alike, and often they lead to the source. Plans are about what
// registries are asked for, and say nothing of such URLs.
//
// Names compare as they are spelled, because the clients do so. Only where it is decided what may be
// contacted, and whether two endpoints are one, they compare in canonical form: letter case of
// hosts and the port 443 do not count, and docker.io, index.docker.io and registry-1.docker.io are one.
//
// # Linux: LinuxTable
//
// The rules are those of containers-image (go.podman.io/image/v5, pkg/sysregistriesv2 and docker):
//
//   - The entry with the longest prefix governs a name alone. A prefix ends at "/", ":" or "@", so
//     example.com also matches example.com:5000. A wildcard beats a plain prefix of its own length.
//   - blocked forbids the registry itself, not its mirrors; but each location is looked up again by its
//     own name, so a mirror inside a blocked prefix is never asked.
//   - One location that cannot be written as a reference stops the whole pull, the source included: a
//     registry without a repository, a host without dot or port, docker.io with one component,
//     index.docker.io, more than 255 characters.
//   - A name without a registry is looked for on every search registry, in order.
//
// # Windows and any containerd: ContainerdTable
//
// The rules are those of github.com/containerd/containerd, remotes/docker and remotes/docker/config, in
// 1.6, 1.7 and 2:
//
//   - One file governs a whole registry host, as references spell it. Its endpoints are asked in order,
//     then its server; without one, the registry itself.
//   - An endpoint is asked for the whole repository of the reference below its own path.
//   - A tag is resolved where an endpoint may pull and resolve; the image is then fetched by digest from
//     every endpoint in turn. Where no endpoint may, the pull ends ("no resolve hosts").
//   - Endpoints are not looked up again: what one file says of a location, no other can forbid.
package resolve
