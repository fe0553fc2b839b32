// The routes as a picture: names on the left, the places that are asked on the right, and what may not be asked of
// the source crossed out.
"use strict";

const graphNamespace = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...children) {
	const e = document.createElementNS(graphNamespace, name);
	for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
	e.append(...children);
	return e;
}

// hostOf returns the registry of a pattern or a location.
const hostOf = (location) => location.split("/")[0];

// sourceOf tells the source itself from mirrors.
const isSource = (step) => step.role === "source";

// drawRoutes returns a picture of routes; with fold, one name a registry on either side.
function drawRoutes(routes, fold) {
	const shown = fold ? hostOf : (text) => text;
	const left = new Map(); // name → what is asked for it, and whether the source may be
	for (const route of routes) {
		const name = shown(route.pattern);
		const entry = left.get(name) ?? { mirrors: new Set(), source: false };
		for (const step of route.pull) {
			if (isSource(step)) entry.source = true;
			else entry.mirrors.add(shown(step.location));
		}
		left.set(name, entry);
	}
	const names = [...left.keys()];
	const places = [...new Set(names.flatMap((name) => [...left.get(name).mirrors]))].sort();

	const rowHeight = 34, boxHeight = 24, width = 900, boxWidth = 340;
	const height = Math.max(names.length, places.length, 1) * rowHeight + 10;
	const yOf = (index) => 10 + index * rowHeight;
	const label = (text) => text.length > 44 ? text.slice(0, 43) + "…" : text;

	const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": "graph-title" },
		svg("title", { id: "graph-title" },
			`${names.length} names, ${places.length} places that are asked for them; the table below says the same`));
	names.forEach((name, i) => {
		for (const place of left.get(name).mirrors) {
			const from = yOf(i) + boxHeight / 2, to = yOf(places.indexOf(place)) + boxHeight / 2;
			const begin = boxWidth, end = width - boxWidth;
			const d = `M ${begin} ${from} C ${begin + 100} ${from}, ${end - 100} ${to}, ${end} ${to}`;
			picture.append(svg("path", { class: "edge", d }));
		}
	});
	const box = (kind, text, x, y, note) => svg("g", {},
		svg("title", {}, text + note),
		svg("rect", { class: kind, x, y, width: boxWidth - 5, height: boxHeight, rx: 4 }),
		svg("text", { x: x + 8, y: y + 17 }, label(text)));
	names.forEach((name, i) => {
		const entry = left.get(name);
		picture.append(box("source", name, 5, yOf(i), entry.source ? ": the source may be asked" : ": the source is never asked"));
		if (!entry.source) {
			picture.append(svg("path", { class: "crossed", d: `M 5 ${yOf(i) + boxHeight} L ${boxWidth} ${yOf(i)}` }));
		}
	});
	places.forEach((place, i) => picture.append(box("mirror", place, width - boxWidth, yOf(i), ": a mirror")));
	return picture;
}
