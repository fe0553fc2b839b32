// The page: it keeps the files of two inputs, has the worker run mirrorctl over them after each change, and shows
// what it answers. Nothing of the input goes into the address of the page, or anywhere else.
"use strict";

const byId = (id) => document.getElementById(id);

// element returns an element with attributes and children; a text becomes a text, never HTML.
function element(name, attributes = {}, ...children) {
	const e = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
		else if (value !== false) e.setAttribute(key, value);
	}
	e.append(...children);
	return e;
}

// --- The workers ---

// There are two, as there are two kinds of nodes: both are asked at the same time.
let workers = [], program, waiting = new Map(), number = 0;

function startWorker() {
	const script = byId("worker").textContent.replaceAll("<\\/", "</");
	const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
	worker.onmessage = ({ data }) => {
		const asked = waiting.get(data.id);
		waiting.delete(data.id);
		if (data.error) asked?.reject(new Error(data.error));
		else asked?.resolve(data);
	};
	workers.push(worker);
	return worker;
}

// startWorkers has the first worker compile the program, unless it is compiled already, and gives it to the second,
// which answers what it is asked when it has started it.
async function startWorkers() {
	const [first, second] = [startWorker(), startWorker()];
	const started = await ask(first, program ? { program } : { packed: byId("engine").textContent });
	program = started.program;
	ask(second, { program }).catch((e) => say(`It went wrong: ${e.message}`));
}

function ask(worker, message) {
	const id = ++number;
	return new Promise((resolve, reject) => {
		waiting.set(id, { resolve, reject });
		worker.postMessage({ id, ...message });
	});
}

// stop ends what is running, and has the workers ready again.
function stop() {
	for (const worker of workers) worker.terminate();
	for (const { reject } of waiting.values()) reject(new Error("stopped"));
	workers = [];
	waiting = new Map();
	ready = startWorkers();
}

let ready = startWorkers();

// mirrorctl runs a command over files, a map from paths to bytes. It returns {code, stdout, stderr}. What is about
// Windows has a worker of its own. Files of the same state, a text, are read once.
async function mirrorctl(args, files, state) {
	await ready;
	return ask(workers[args.includes("windows") ? 1 : 0], { args, files, state });
}

// --- The inputs ---

const encoder = new TextEncoder(), decoder = new TextDecoder();
// changes counts the changes of an input's files.
const newInput = () => ({ files: new Map(), current: "", changes: 0 });
const inputs = { first: newInput(), second: newInput() };
let side = "first";

// mounted returns the files of an input as the program sees them, and what -f is to be.
function mounted(which) {
	const files = new Map();
	for (const [name, bytes] of inputs[which].files) files.set(`/${which}/${name}`, bytes);
	const only = files.size === 1 ? [...files.keys()][0] : `/${which}`;
	return { files, only };
}

const isEmpty = (which) => [...inputs[which].files.values()].every((bytes) => bytes.length === 0);

// withoutMounts takes the names that files have for the program alone out of a text.
const withoutMounts = (text) => text.replaceAll("/first/", "").replaceAll("/second/", "");

function setFiles(which, files) {
	inputs[which].files = files;
	inputs[which].changes++;
	inputs[which].current = [...files.keys()][0] ?? "";
	showInput();
	refresh();
}

function showInput() {
	const input = inputs[side];
	byId("file").replaceChildren(...[...input.files.keys()].map((name) =>
		element("option", { value: name, selected: name === input.current }, name)));
	const bytes = input.files.get(input.current) ?? new Uint8Array();
	const isText = !bytes.subarray(0, 8000).includes(0);
	byId("text").value = isText ? decoder.decode(bytes) : "";
	byId("text").readOnly = !isText;
	byId("about").textContent = isText ? "" : "This file is no text. It is read as it is.";
	showGutter();
}

function edited() {
	const input = inputs[side];
	if (!input.current) input.current = "input.yaml";
	const isNew = !input.files.has(input.current);
	input.files.set(input.current, encoder.encode(byId("text").value));
	input.changes++;
	if (isNew) showInput();
	showGutter();
	refresh();
}

async function addFiles(list) {
	const files = new Map(inputs[side].files);
	const path = (file) => file.webkitRelativePath || file.path || file.name;
	for (const file of [...list].sort((a, b) => path(a) < path(b) ? -1 : 1)) {
		files.set(path(file), new Uint8Array(await file.arrayBuffer()));
	}
	setFiles(side, files);
}

// dropped returns the files of a drop, those inside directories too. A browser that has handles is asked for these:
// Chromium gives a page from a disk entries that it cannot read.
async function dropped(items) {
	const files = [];
	const add = (file, path) => {
		file.path = path;
		files.push(file);
	};
	const readHandle = async (handle, path) => {
		if (handle.kind === "file") return add(await handle.getFile(), path);
		for await (const [name, inside] of handle.entries()) await readHandle(inside, `${path}/${name}`);
	};
	const readEntry = async (entry, path) => {
		if (entry.isFile) return add(await new Promise((resolve, reject) => entry.file(resolve, reject)), path);
		const reader = entry.createReader();
		for (;;) {
			const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
			if (some.length === 0) return;
			for (const inside of some) await readEntry(inside, `${path}/${inside.name}`);
		}
	};
	// All items are asked before the first wait: they are gone after it.
	const reads = [...items].filter((item) => item.kind === "file").map((item) => {
		const entry = item.webkitGetAsEntry(), file = item.getAsFile();
		if (!entry?.isDirectory) return () => add(file, file.name);
		const handle = item.getAsFileSystemHandle?.();
		return async () => handle ? readHandle(await handle, entry.name) : readEntry(entry, entry.name);
	});
	for (const read of reads) await read();
	return files;
}

// --- Findings, at their lines ---

let findings = [];

function showGutter() {
	const marks = new Map();
	for (const f of findings) {
		if (f.origin?.line && withoutMounts(f.origin.file ?? "") === inputs[side].current && side === "first") {
			const before = marks.get(f.origin.line);
			if (before !== "error") marks.set(f.origin.line, f.severity === "info" && before ? before : f.severity);
		}
	}
	const signs = { error: "✖", warning: "▲", info: "●" };
	const lines = byId("text").value.split("\n").length;
	byId("gutter").replaceChildren(...Array.from({ length: lines }, (_, i) => {
		const mark = marks.get(i + 1);
		return element("div", mark ? { class: mark } : {}, `${mark ? signs[mark] + " " : ""}${i + 1}`);
	}));
	byId("gutter").scrollTop = byId("text").scrollTop;
}

// goTo shows a line of a file of the first input.
function goTo(file, line) {
	if (side !== "first") selectTab(byId("tab-first"));
	inputs.first.current = file;
	showInput();
	const text = byId("text");
	const lines = text.value.split("\n");
	const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
	text.focus();
	text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
	text.scrollTop = Math.max(0, (line - 5) * text.scrollHeight / lines.length);
	byId("gutter").scrollTop = text.scrollTop;
}

function placeButton(text, place) {
	const found = /^(.*?):(\d+)/.exec(withoutMounts(place ?? ""));
	if (!found || !inputs.first.files.has(found[1])) return document.createTextNode(text);
	return element("button", { class: "at", type: "button", onclick: () => goTo(found[1], Number(found[2])) }, text);
}

function findingItem(f) {
	const origin = f.origin ?? {};
	const where = [origin.object, origin.field].filter(Boolean).join(" ");
	const value = f.value ? `"${f.value}": ` : "";
	return element("li", {},
		element("strong", { class: f.severity }, f.severity + ": "),
		where ? placeButton(where, origin.line ? `${origin.file}:${origin.line}` : "") : "", where ? ": " : "",
		withoutMounts(value + f.message),
		element("span", { class: "quiet" }, ` [${[f.code, f.platform].filter(Boolean).join(", ")}]`));
}

// answered reads a JSON answer, and says why where there is none: the error of the program, as on a terminal.
function answered(run) {
	try {
		return { answer: JSON.parse(run.stdout) };
	} catch {
		return { refused: withoutMounts(run.stderr.trim() || run.stdout.trim() || `exit code ${run.code}`) };
	}
}

const refusal = (text) => element("pre", { class: "error" }, text);

// --- Answers ---

// judged is the state of the first input that the findings are about: they do not change with the image.
let judged = -1;

async function showFindings() {
	const state = inputs.first.changes;
	if (judged === state) return;
	const { files, only } = mounted("first");
	const run = await mirrorctl(["lint", "--json", "--platform", "linux", "--platform", "windows", "-f", only], files);
	const { answer, refused } = answered(run);
	findings = answer?.findings ?? [];
	const items = findings.map(findingItem);
	if (refused) items.push(element("li", { class: "error" }, refused));
	if (items.length === 0) items.push(element("li", { class: "good" }, "nothing to report"));
	byId("findings").replaceChildren(...items);
	judged = state;
	showGutter();
}

const platforms = { linux: "Linux: CRI-O, podman, skopeo", windows: "Windows, and containerd" };

async function showPlan() {
	const image = byId("image").value.trim();
	const { files, only } = mounted("first"), state = String(inputs.first.changes);
	const ask = (platform, image) => mirrorctl(["resolve", "--json", "--platform", platform, "-f", only, image], files, state);
	if (!image) {
		byId("plan").replaceChildren();
		// The files are read all the same, so that the first image that is typed is answered at once.
		return Promise.all(Object.keys(platforms).map((platform) => ask(platform, "example.com/app:1")));
	}
	if (!byId("plan").firstChild) byId("plan").append(...Object.keys(platforms).map(() => element("section")));
	const before = [...byId("plan").children];
	// Each stands as soon as it is there.
	await Promise.all(Object.entries(platforms).map(async ([platform, title], i) => {
		const { answer, refused } = answered(await ask(platform, image));
		const column = element("section", { "data-platform": platform }, element("h3", {}, title));
		if (Array.isArray(answer)) column.append(...planOf(answer[0]));
		else if (answer) column.append(element("ul", {}, ...answer.findings.map(findingItem)));
		else column.append(refusal(refused));
		before[i].replaceWith(column);
	}));
}

function planOf(plan) {
	const parts = [];
	const list = (title, attempts) => {
		parts.push(element("p", {}, title));
		parts.push(element("ol", {}, ...attempts.map((a) => element("li", {},
			element("code", {}, a.location), ` (${a.role})`,
			a.origin ? element("div", {}, placeButton(a.origin, a.place)) : ""))));
	};
	if (plan.resolve.length > 0) list("The tag is resolved at:", plan.resolve);
	if (plan.asked) list("Asked before the image is refused:", plan.asked);
	if (plan.pull.length > 0) list("The image is pulled from, in order:", plan.pull);
	else if (plan.outcome === "refused") parts.push(element("p", { class: "error" }, "The pull is refused."));
	else parts.push(element("p", { class: "error" }, "It cannot be pulled."));
	parts.push(element("ul", {}, ...plan.findings.map(findingItem)));
	return parts;
}

async function showRoutes() {
	const { files, only } = mounted("first");
	const run = await mirrorctl(["routes", "-o", "json", "--platform", byId("routes-platform").value, "-f", only], files);
	const { answer, refused } = answered(run);
	if (!answer?.routes) {
		byId("graph").replaceChildren();
		byId("routes").replaceChildren(answer ? element("ul", {}, ...answer.findings.map(findingItem)) : refusal(refused));
		return;
	}
	const wanted = byId("routes-filter").value.trim();
	const texts = (r) => [r.pattern, r.example, ...r.pull.map((s) => s.location)];
	const routes = answer.routes.filter((r) => texts(r).some((text) => text.includes(wanted)));
	byId("graph").replaceChildren(drawRoutes(routes, byId("routes-fold").checked));
	const region = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Routes" };
	const headings = ["images", "pulled by", "asked, in order", "example"];
	byId("routes").replaceChildren(element("div", region, element("table", {},
		element("thead", {}, element("tr", {}, ...headings.map((h) => element("th", { scope: "col" }, h)))),
		element("tbody", {}, ...routes.map((r) => element("tr", {},
			element("td", {}, element("code", {}, r.pattern)),
			element("td", {}, r.by.join(", ")),
			element("td", {}, r.pull.length > 0
				? element("ol", {}, ...r.pull.map((s) => element("li", {}, s.location)))
				: `nothing: ${(r.why ?? []).join("; ")}`),
			element("td", {}, element("code", {}, r.example))))))));
}

// filesOf takes the output of render apart: each file stands behind a line with its path, "# path", and an empty
// line stands between two.
function filesOf(output) {
	const files = [];
	for (const line of output.split(/(?<=\n)/)) {
		const path = /^# (\S+)\n$/.exec(line);
		if (path) {
			const last = files[files.length - 1];
			if (last) last.text = last.text.replace(/\n$/, "");
			files.push({ path: path[1], text: "" });
		} else if (files.length > 0) {
			files[files.length - 1].text += line;
		}
	}
	return files;
}

function save(name, text) {
	const link = element("a", { href: URL.createObjectURL(new Blob([text])), download: name });
	link.click();
	URL.revokeObjectURL(link.href);
}

async function showFiles() {
	const { files, only } = mounted("first");
	const parts = [];
	for (const [platform, title] of Object.entries(platforms)) {
		const run = await mirrorctl(["render", "--platform", platform, "-f", only], files);
		parts.push(element("h3", {}, title));
		if (run.code !== 0) parts.push(refusal(withoutMounts(run.stderr)));
		else if (!run.stdout) parts.push(element("p", {}, "no file is called for"));
		for (const { path, text } of filesOf(run.stdout)) {
			parts.push(element("p", { class: "row" }, element("strong", {}, path),
				element("button", { type: "button", "aria-label": `Copy ${path}`, onclick: () => copy(text, path) }, "Copy"),
				element("button", { type: "button", "aria-label": `Download ${path}`, onclick: () => save(path.replaceAll("/", "_"), text) },
					"Download")));
			parts.push(element("pre",
				{ tabindex: "0", "data-path": path, "data-platform": platform, "aria-label": path, role: "region" }, text));
		}
	}
	byId("files").replaceChildren(...parts);
}

async function copy(text, name) {
	try {
		await navigator.clipboard.writeText(text);
	} catch { // a page from a disk may have no clipboard of its own
		const area = element("textarea", { "aria-hidden": "true" });
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
	say(`${name} is copied`);
}

async function showStatements() {
	const { files, only } = mounted("first");
	files.set("/statements.yaml", encoder.encode(byId("statements").value));
	const { answer, refused } = answered(await mirrorctl(["assert", "-o", "json", "-f", only, "/statements.yaml"], files));
	if (!answer?.assertions) {
		byId("verdicts").replaceChildren(element("li", {},
			answer ? element("ul", {}, ...answer.findings.map(findingItem)) : refusal(refused)));
		return;
	}
	byId("verdicts").replaceChildren(...answer.assertions.map((a) => {
		const example = a.counterexample;
		return element("li", {},
			element("strong", { class: a.holds ? "good" : "error" },
				a.empty ? "says nothing: " : a.holds ? "holds: " : "does not hold: "),
			element("code", {}, a.statement), ` on ${a.platform}`,
			example ? element("div", {}, "Counterexample ", element("code", {}, example.reference), `: ${example.why}`) : "",
			...(a.notes ?? []).map((note) => element("div", { class: "quiet" }, note)));
	}));
}

async function showCompare() {
	if (isEmpty("second")) {
		byId("compare").replaceChildren(element("p", {},
			"Give a second input on the left: it says what changes from the first to the second."));
		return;
	}
	const first = mounted("first"), second = mounted("second");
	const files = new Map([...first.files, ...second.files]);
	const parts = [];
	for (const [title, flags] of [["Routes", ["--routes"]], ["Files, and what the change costs", []]]) {
		const platform = byId("compare-platform").value;
		const run = await mirrorctl(["diff", "--platform", platform, ...flags, first.only, second.only], files);
		parts.push(element("h3", {}, title));
		if (run.code !== 0) parts.push(refusal(withoutMounts(run.stderr)));
		else parts.push(element("pre", { tabindex: "0", role: "region", "aria-label": title },
			withoutMounts(run.stdout) || "nothing changes"));
	}
	byId("compare").replaceChildren(...parts);
}

const answers = { plan: showPlan, routes: showRoutes, files: showFiles, statements: showStatements, compare: showCompare };

function clearAnswers() {
	for (const name of ["plan", "graph", "routes", "files", "verdicts", "compare"]) byId(name).replaceChildren();
}

// --- Refreshing ---

function say(text) { byId("status").textContent = text; }

let running = false, again = false;

// refresh works everything out anew. A change meanwhile has it done once more.
async function refresh() {
	again = true;
	if (running) return;
	running = true;
	const began = performance.now();
	const clock = setInterval(() => {
		const seconds = Math.round((performance.now() - began) / 1000);
		if (seconds < 1) return;
		say(`Working, ${seconds} s`);
		byId("stop").hidden = false;
	}, 500);
	try {
		await ready;
		while (again) {
			again = false;
			if (isEmpty("first")) {
				byId("findings").replaceChildren(element("li", {}, "Paste manifests, or choose a story."));
				continue;
			}
			await answers[answer]();
			await showFindings();
		}
		say("Ready");
	} catch (e) {
		again = false;
		clearAnswers(); // they are about an input that is no more
		say(e.message === "stopped" ? "Stopped" : `It went wrong: ${e.message}`);
	} finally {
		running = false;
		clearInterval(clock);
		byId("stop").hidden = true;
	}
}

// --- Tabs, by mouse and by arrow keys ---

let answer = "plan";

function selectTab(tab) {
	for (const other of tab.parentElement.children) {
		const selected = other === tab;
		other.setAttribute("aria-selected", selected);
		other.tabIndex = selected ? 0 : -1;
	}
	if (tab.closest("#input")) {
		side = tab.id === "tab-first" ? "first" : "second";
		byId("editor-panel").setAttribute("aria-labelledby", tab.id);
		showInput();
		return;
	}
	answer = tab.id.slice("tab-".length);
	for (const name of Object.keys(answers)) byId(`panel-${name}`).hidden = name !== answer;
	refresh();
}

for (const tabs of document.querySelectorAll("[role=tablist]")) {
	tabs.addEventListener("click", ({ target }) => {
		if (target.getAttribute("role") === "tab") selectTab(target);
	});
	tabs.addEventListener("keydown", (event) => {
		const all = [...tabs.children], at = all.indexOf(document.activeElement);
		const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		const tab = all[(to + all.length) % all.length];
		tab.focus();
		selectTab(tab);
	});
}

// --- What the user does ---

const stories = JSON.parse(byId("stories").textContent);
byId("story").append(...stories.map((s) => element("option", { value: s.name }, s.name)));
byId("story").addEventListener("change", ({ target }) => {
	const story = stories.find((s) => s.name === target.value);
	if (!story) return;
	setFiles(side, new Map(Object.entries(story.files).map(([name, text]) => [name, encoder.encode(text)])));
	byId("about").textContent = story.about;
});
byId("text").addEventListener("input", edited);
byId("text").addEventListener("scroll", () => { byId("gutter").scrollTop = byId("text").scrollTop; });
byId("file").addEventListener("change", ({ target }) => { inputs[side].current = target.value; showInput(); });
byId("new-file").addEventListener("click", () => {
	let n = inputs[side].files.size + 1;
	while (inputs[side].files.has(`input-${n}.yaml`)) n++;
	inputs[side].current = `input-${n}.yaml`;
	inputs[side].files.set(inputs[side].current, new Uint8Array());
	inputs[side].changes++;
	showInput();
	byId("text").focus();
});
byId("clear").addEventListener("click", () => {
	setFiles(side, new Map());
	clearAnswers();
});
byId("share").addEventListener("click", () => {
	const { current, files } = inputs[side];
	save(current || "input.yaml", files.get(current) ?? "");
});
byId("stop").addEventListener("click", stop);
for (const id of ["add-files", "add-directory"]) byId(id).addEventListener("change", ({ target }) => addFiles(target.files));
for (const id of ["image", "statements", "routes-filter"]) byId(id).addEventListener("input", refresh);
for (const id of ["routes-platform", "routes-fold", "compare-platform"]) byId(id).addEventListener("change", refresh);
byId("input").addEventListener("dragover", (event) => { event.preventDefault(); byId("input").classList.add("dropping"); });
byId("input").addEventListener("dragleave", () => byId("input").classList.remove("dropping"));
byId("input").addEventListener("drop", async (event) => {
	event.preventDefault();
	byId("input").classList.remove("dropping");
	try {
		addFiles(await dropped(event.dataTransfer.items));
	} catch (e) {
		say(`What was dropped cannot be read: ${e.message}`);
	}
});

// warmUp runs the program over stories while nothing is asked of it: browsers compile well what has run often.
async function warmUp() {
	for (const story of stories.slice(0, 12)) {
		const files = new Map(Object.entries(story.files).map(([name, text]) => [`/first/${name}`, encoder.encode(text)]));
		for (const platform of Object.keys(platforms)) {
			if (!isEmpty("first")) return;
			await mirrorctl(["resolve", "--json", "--platform", platform, "-f", "/first", "quay.io/team/app:1"], files);
		}
	}
}

showInput();
refresh().then(warmUp).catch(() => {}); // it was stopped
