// Package policyjson reads, writes and judges policy.json, the file that tells containers-image,
// and with it CRI-O, podman and skopeo, which images a Linux node may use at all.
//
// [Parse] reads a file into a [Policy], a plain struct, and reports with line numbers everything
// that the client refuses it for. [Policy.Judge] says what a policy makes of an image, and which
// scope decides it. [Policy.Bytes] writes it as the Machine Config Operator (MCO) does.
//
//	policy, findings := policyjson.Parse("policy.json", data)
//	if err := findings.Err(); err != nil {
//		return err // the client takes no image with this file
//	}
//	judgement, err := policy.Judge("quay.io/team/app:1.2")
//	fmt.Println(judgement.Outcome, judgement.Scope)
//
// [Render] makes what MCO makes of the registry sources of Image, of ClusterImagePolicy and of
// ImagePolicy: policy.json, an entry of registries.d for each scope and its mirrors, and a policy
// for each namespace that has its own.
//
//	files, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: release, Base: table})
//
// The format is that of containers-policy.json(5), the rules are those of the package signature of
// go.podman.io/image/v5 v5.42.0. Those that surprise:
//
//   - The name that the pod uses is judged, never that of the mirror which serves: an allowed name may come from a
//     mirror that no scope names, and a rejected name comes from nowhere.
//   - It is judged after the manifest was fetched. A mirror of a rejected name is still asked for the manifest.
//   - The most specific scope decides alone; nothing is inherited from those around it.
//   - A scope is a whole component of the name: quay.io/team governs quay.io/team/app and not quay.io/teams.
//   - quay.io does not govern quay.io:443, though the two are one registry. *.corp governs every host below corp on any
//     port, and not corp.
//   - Docker Hub is docker.io, and its short names are docker.io/library/…: a scope busybox governs nothing.
//   - A file with one unknown key, one repeated key or one empty list is refused, and the client then takes no image.
package policyjson
