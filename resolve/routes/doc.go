// Package routes answers for all image references at once: into which registries they lead, and how.
//
// A table of package resolve is a finite map from prefixes to prefixes. So all references fall into
// finitely many classes, in each of which every attempt is the same function of the name. A class
// is a kind of pull, a pattern of names, and steps: a base, and the rest of the name after the
// pattern's scope.
//
//	r := routes.Linux(table)
//	for class := range r.Classes() {
//		fmt.Println(class.Kind, class.Pattern, class.Steps)
//	}
//
// # How the names are cut
//
// Take quay.io with the mirrors m.io and n.io/q, the blocked scope m.io/secret, and quay.io/own
// without mirrors.
//
// First hosts. Each host that an entry, a mirror or a search registry names is a point; so is, for
// each wildcard, a host that nothing names, and one host below no wildcard. Where an entry without
// a port governs a host, its names with a port are points as well: each port that makes a
// difference, and one that makes none.
//
// Then paths. On each host the paths of its entries are cuts: quay.io is cut at /own. A mirror plus
// the rest of the name may lie inside an entry that is blocked, and is then not asked. Such entries
// are carried back: m.io/secret cuts quay.io at /secret. Mirrors of mirrors are not asked, so there
// is nothing beyond that.
//
// Last the depth. At each cut there are up to three cells: the repository of exactly this name,
// names one component longer, and all others. They differ where a mirror is a registry without a
// repository, or docker.io alone.
//
// Names without a registry come last. Such a name is a list of full names, so they are cut at the
// paths of the search registries and at the aliases. Where policy.json judges ([LinuxJudged]), its
// scopes are cuts of the names too: it goes by the name of the image and not by that of a mirror.
//
// Within a cell nothing differs, so the table's own Plan is asked for one example of it. The
// client's rules stand in package resolve alone; here stands only where to cut. Cells that are the
// same function as the cell around them are folded into it. For the example that leaves, for either
// kind of pull:
//
//	quay.io             m.io + rest, n.io/q + rest, quay.io + rest
//	quay.io/secret      n.io/q/secret + rest, quay.io/secret + rest
//	quay.io/own         quay.io/own + rest
//	quay.io:*           nothing: n.io/q:5000/... cannot be written as a reference
//	m.io/secret         nothing
//	*                   the name itself
//
// # What is left out
//
// Names that do not exist: docker.io/x is docker.io/library/x, and index.docker.io is docker.io.
// Names whose host is spelled in another letter case than that of a file, or is that of a file when
// its colon is left out: a Windows node takes them to this file, and a class holds hosts as they
// are spelled. Ask the table's Plan for such a name.
// Names of more than 255 characters: a mirror that is longer than the scope it serves has a limit,
// [Class.MaxRest], beyond which the client stops the pull.
package routes
