// The page in a real browser, without a network. It needs
//   PAGE       the page, as go run ./examples/playground --out FILE made it
//   MIRRORCTL  the program that its answers are held against
//   STORIES    the directory of the scenarios, testdata
//   CHROMIUM   the browser; /usr/bin/chromium where it is not given
//   SCREENS    where screenshots go; they are not taken where it is not given
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const { PAGE, MIRRORCTL, STORIES, SCREENS } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const digest = "@sha256:" + "a".repeat(64);

const example = `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: team}
spec:
  imageDigestMirrors:
  - source: quay.io/team
    mirrors: [mirror.corp/team, backup.corp/team]
    mirrorSourcePolicy: NeverContactSource
---
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: tags}
spec:
  imageTagMirrors:
  - source: registry.redhat.io
    mirrors: [mirror.corp/redhat]
`;

let browser, directory;

before(async () => {
	browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
	directory = mkdtempSync(join(tmpdir(), "playground"));
	if (SCREENS) mkdirSync(SCREENS, { recursive: true });
});
after(async () => {
	await browser.close();
	rmSync(directory, { recursive: true });
});

// open returns the page, ready, and what it asked for and complained of meanwhile.
async function open(options = {}) {
	const context = await browser.newContext({ offline: true, viewport: { width: 1280, height: 900 }, ...options });
	const page = await context.newPage();
	const requests = [], errors = [];
	page.on("request", (r) => requests.push(r.url()));
	page.on("pageerror", (e) => errors.push(String(e)));
	page.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
	await page.goto(pathToFileURL(resolve(PAGE)).href);
	await settled(page);
	return { page, requests, errors, close: () => context.close() };
}

const settled = (page) => page.waitForFunction(() => !running && document.getElementById("status").textContent === "Ready", null, { timeout: 120_000 });

// paste puts a text into the editor at once, as a paste does.
async function paste(page, text) {
	await put(page, text);
	await settled(page);
}

const put = (page, value) => page.locator("#text").evaluate((text, value) => {
	text.value = value;
	text.dispatchEvent(new Event("input"));
}, value);

async function tab(page, name) {
	await page.getByRole("tab", { name, exact: true }).click();
	await settled(page);
}

// inPage runs a command of the page's program over files, {name: text}, which it sees under /first.
const inPage = (page, args, files) => page.evaluate(async ({ args, files }) => {
	const mounted = new Map(Object.entries(files).map(([name, text]) => ["/first/" + name, new TextEncoder().encode(text)]));
	return mirrorctl(args, mounted);
}, { args, files });

// onTerminal runs the same command of the program itself.
function onTerminal(args, files) {
	const at = join(directory, "first");
	rmSync(at, { recursive: true, force: true });
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(at, name)), { recursive: true });
		writeFileSync(join(at, name), text);
	}
	const run = spawnSync(resolve(MIRRORCTL), args, { cwd: directory, encoding: "utf8", maxBuffer: 1 << 28 });
	return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

const rooted = (args) => args.map((a) => a.startsWith("first") ? "/" + a : a);
const unrooted = (run) => ({ code: run.code, stdout: run.stdout.replaceAll("/first", "first"), stderr: run.stderr.replaceAll("/first", "first") });

async function sameAnswer(page, args, files, what) {
	const got = await inPage(page, rooted(args), files);
	assert.deepEqual(unrooted({ code: got.code, stdout: got.stdout, stderr: got.stderr }), onTerminal(args, files), `${what}: ${args.join(" ")}`);
}

test("the page is one file of at most 5 MB that may connect to nothing", async () => {
	assert.ok(statSync(PAGE).size <= 5_000_000, `${statSync(PAGE).size} bytes`);
	const began = performance.now();
	const { page, requests, errors, close } = await open();
	console.log(`first answer after ${Math.round(performance.now() - began)} ms`);
	const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
	assert.match(policy, /default-src 'none'/);
	assert.doesNotMatch(policy, /connect-src|unsafe-inline|'unsafe-eval'|http/);
	await paste(page, example);
	for (const name of ["Routes", "Files", "Statements", "Plan"]) await tab(page, name);
	assert.deepEqual(errors, []);
	assert.deepEqual(requests.filter((url) => !/^(file|blob):/.test(url)), []);
	assert.equal(new URL(page.url()).search + new URL(page.url()).hash, "", "the address holds nothing of the input");
	const refused = await page.evaluate(() => fetch("http://127.0.0.1:9/").then(() => "answered", (e) => String(e)));
	assert.match(refused, /TypeError/);
	await close();
});

test("from paste to plan to files, as on the command line", async () => {
	const { page, errors, close } = await open();
	await paste(page, example);
	await page.locator("#image").fill("quay.io/team/app" + digest);
	await settled(page);
	for (const platform of ["linux", "windows"]) {
		const plan = JSON.parse(onTerminal(["resolve", "--json", "--platform", platform, "-f", "first/input.yaml", "quay.io/team/app" + digest], { "input.yaml": example }).stdout)[0];
		const shown = await page.locator(`#plan [data-platform=${platform}] ol`).last().locator("li > code").allTextContents();
		assert.deepEqual(shown, plan.pull.map((a) => a.location));
	}
	await tab(page, "Files");
	for (const platform of ["linux", "windows"]) {
		const out = join(directory, "out-" + platform);
		const run = onTerminal(["render", "--platform", platform, "-f", "first/input.yaml", "--out", out], { "input.yaml": example });
		assert.equal(run.code, 0, run.stderr);
		const files = readdirSync(out, { recursive: true }).filter((name) => statSync(join(out, name)).isFile() && !name.includes("~"));
		assert.ok(files.length > 0);
		for (const name of files) {
			const shown = await page.locator(`#files pre[data-platform=${platform}][data-path="${name}"]`).textContent();
			assert.equal(shown, readFileSync(join(out, name), "utf8"), name);
		}
		assert.equal(await page.locator(`#files pre[data-platform=${platform}]`).count(), files.length);
	}
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download registries.conf" }).click()]);
	assert.equal(readFileSync(await download.path(), "utf8"), readFileSync(join(directory, "out-linux", "registries.conf"), "utf8"));
	assert.deepEqual(errors, []);
	await close();
});

test("every story is answered as on the command line", async () => {
	const { page, close } = await open();
	const stories = await page.evaluate(() => stories);
	assert.ok(stories.length > 40, `${stories.length} stories`);
	const names = readdirSync(STORIES).filter((name) => name.endsWith(".txtar")).map((name) => name.replace(/\.txtar$/, ""));
	assert.deepEqual(stories.map((s) => s.name).filter((name) => !names.includes(name)), []);
	let commands = 0;
	for (const { name, files } of stories) {
		const input = Object.keys(files).length === 1 ? "first/" + Object.keys(files)[0] : "first";
		for (const args of [["lint"], ["lint", "--json"],
			...["linux", "windows"].flatMap((p) => [["render", "--platform", p], ["routes", "-o", "json", "--platform", p], ["resolve", "--json", "--platform", p, "quay.io/team/app:1", "busybox"]])]) {
			await sameAnswer(page, [args[0], "-f", input, ...args.slice(1)], files, name);
			commands++;
		}
	}
	console.log(`${stories.length} stories, ${commands} commands, 0 differences`);
	await close();
});

test("a finding stands at its line, and leads there", async () => {
	const { page, close } = await open();
	await paste(page, example.replace("mirror.corp/team,", "Mirror corp,"));
	const mark = page.locator("#gutter .error");
	assert.match(await mark.first().textContent(), /7$/);
	await page.locator("#findings li", { hasText: "error:" }).first().getByRole("button").click();
	const selected = await page.evaluate(() => {
		const text = document.getElementById("text");
		return text.value.slice(text.selectionStart, text.selectionEnd);
	});
	assert.match(selected, /mirrors: \[Mirror corp/);
	const said = onTerminal(["lint", "-f", "first/input.yaml"], { "input.yaml": example.replace("mirror.corp/team,", "Mirror corp,") });
	const message = await page.locator("#findings li", { hasText: "error:" }).first().textContent();
	const words = message.slice(message.indexOf("is not"), message.lastIndexOf(" ["));
	assert.ok((said.stdout + said.stderr).includes(words), words);
	await close();
});

test("an input that cannot be read gives its findings, never a blank page", async () => {
	const { page, errors, close } = await open();
	for (const wrong of ["apiVersion: [", "kind: Deployment\napiVersion: apps/v1\n", "\u0000\u0001", "[[registry]]\nlocation = 3\n", "a: &x [*x]"]) {
		await paste(page, wrong);
		for (const name of ["Routes", "Files", "Statements", "Plan"]) {
			await tab(page, name);
			assert.notEqual((await page.locator("[role=tabpanel]:visible").last().innerText()).trim(), "", `${name} of ${JSON.stringify(wrong)}`);
		}
		assert.notEqual((await page.locator("#findings").innerText()).trim(), "");
	}
	assert.deepEqual(errors, []);
	await close();
});

test("the routes are drawn, folded, searched and told as a table", async () => {
	const { page, close } = await open();
	await paste(page, example);
	await tab(page, "Routes");
	const names = () => page.locator("#graph .source + text").allTextContents();
	assert.ok((await names()).includes("quay.io"));
	await page.getByLabel("fold by registry").uncheck();
	await settled(page);
	assert.ok((await names()).includes("quay.io/team"));
	assert.ok(await page.locator("#graph .crossed").count() > 0, "the forbidden is crossed out");
	assert.ok(await page.locator("#graph .edge").count() >= 3);
	const rows = await page.locator("#routes tbody tr").count();
	await page.locator("#routes-filter").fill("redhat");
	await settled(page);
	const some = await page.locator("#routes tbody tr").count();
	assert.ok(0 < some && some < rows, `${some} of ${rows}`);
	if (SCREENS) await page.screenshot({ path: join(SCREENS, "routes.png"), fullPage: true });
	await close();
});

test("statements come with counterexamples, and two inputs with what differs", async () => {
	const { page, close } = await open();
	await paste(page, example);
	await tab(page, "Statements");
	await page.locator("#statements").fill("- never: quay.io/team\n- never: registry.redhat.io\n");
	await settled(page);
	const verdicts = await page.locator("#verdicts").innerText();
	assert.match(verdicts, /holds: never: quay.io\/team on linux/);
	assert.match(verdicts, /does not hold: never: registry.redhat.io on linux\s+Counterexample registry.redhat.io/);
	await page.getByRole("tab", { name: "Second input, to compare" }).click();
	await paste(page, example.replaceAll("backup.corp", "other.corp"));
	await tab(page, "Compare");
	const told = await page.locator("#compare").innerText();
	assert.match(told, /other\.corp/);
	assert.match(told, /is no longer a mirror/);
	await close();
});

test("with the keyboard alone", async () => {
	const { page, close } = await open();
	const focusOn = async (id) => {
		for (let i = 0; i < 60; i++) {
			if (await page.evaluate(() => document.activeElement.id) === id) return;
			await page.keyboard.press("Tab");
		}
		assert.fail(`the keyboard does not reach ${id}`);
	};
	await focusOn("story");
	await page.keyboard.type("mco-fault-1");
	await page.keyboard.press("Enter");
	await settled(page);
	assert.notEqual(await page.locator("#text").inputValue(), "");
	await focusOn("text");
	await page.keyboard.press("Tab");
	await focusOn("tab-plan");
	await page.keyboard.press("ArrowRight");
	await settled(page);
	assert.equal(await page.evaluate(() => document.activeElement.id), "tab-routes");
	assert.ok(await page.locator("#panel-routes").isVisible());
	await page.keyboard.press("End");
	assert.equal(await page.evaluate(() => document.activeElement.id), "tab-compare");
	await page.keyboard.press("Home");
	await settled(page);
	await focusOn("image");
	await close();
});

test("files and directories can be dropped", async () => {
	const { page, errors, close } = await open();
	const dir = join(directory, "manifests");
	mkdirSync(join(dir, "sub"), { recursive: true });
	writeFileSync(join(dir, "digest.yaml"), example.split("---\n")[0]);
	writeFileSync(join(dir, "sub", "tag.yaml"), example.split("---\n")[1]);
	const devtools = await page.context().newCDPSession(page);
	const { x, y } = await page.locator("#text").boundingBox();
	const drop = async (path) => {
		const data = { items: [], files: [path], dragOperationsMask: 1 };
		for (const type of ["dragEnter", "dragOver", "drop"]) await devtools.send("Input.dispatchDragEvent", { type, x: x + 10, y: y + 10, data });
	};
	const names = () => page.locator("#file option").allInnerTexts();
	await drop(dir);
	await page.waitForFunction(() => document.getElementById("file").options.length === 2);
	assert.deepEqual(await names(), ["manifests/digest.yaml", "manifests/sub/tag.yaml"]);
	await drop(join(dir, "digest.yaml"));
	await page.waitForFunction(() => document.getElementById("file").options.length === 3);
	assert.deepEqual(await names(), ["manifests/digest.yaml", "manifests/sub/tag.yaml", "digest.yaml"]);
	await page.getByRole("button", { name: "Clear" }).click();
	await drop(dir);
	await page.waitForFunction(() => document.getElementById("file").options.length === 2);
	await page.locator("#image").fill("registry.redhat.io/ubi9:1");
	await settled(page);
	assert.match(await page.locator("#plan").innerText(), /mirror\.corp\/redhat\/ubi9 /);
	assert.deepEqual(errors, []);
	await close();
});

test("without a violation of axe: light and dark, narrow and wide, every answer", async () => {
	let checked = 0;
	for (const colorScheme of ["light", "dark"]) {
		for (const width of [360, 1280]) {
			// The policy of the page lets nothing be put into it, axe neither.
			const { page, close } = await open({ colorScheme, viewport: { width, height: 800 }, bypassCSP: true, reducedMotion: "reduce" });
			await paste(page, example);
			for (const name of ["Plan", "Routes", "Files", "Statements", "Compare"]) {
				await tab(page, name);
				await page.evaluate(axe);
				const { violations } = await page.evaluate(() => axe.run());
				assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [], `${name}, ${colorScheme}, ${width}`);
				assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`);
				checked++;
				if (SCREENS) await page.screenshot({ path: join(SCREENS, `${name.toLowerCase()}-${colorScheme}-${width}.png`) });
			}
			await close();
		}
	}
	console.log(`axe: ${checked} pages, 0 violations`);
});

test("typing is answered at once, and what takes long can be stopped", async () => {
	const { page, close } = await open();
	const many = (n) => "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: many}\nspec:\n  imageDigestMirrors:\n" +
		Array.from({ length: n }, (_, i) => `  - {source: registry${i % 9}.example.com/a${i}, mirrors: [mirror.corp/a${i}]}\n`).join("");
	await paste(page, many(500));
	const times = [];
	for (let i = 0; i < 5; i++) {
		const began = performance.now();
		await page.locator("#image").fill(`registry1.example.com/a1/x${i}` + digest);
		await page.waitForFunction((i) => document.getElementById("plan").innerText.includes(`/x${i}`), i);
		times.push(Math.round(performance.now() - began));
		await settled(page);
	}
	console.log(`a plan over 500 sources after ${times.join(", ")} ms`);
	await put(page, many(20_000));
	await page.locator("#stop").click({ timeout: 60_000 });
	await page.waitForFunction(() => document.getElementById("status").textContent === "Stopped");
	await paste(page, example);
	assert.match(await page.locator("#findings").innerText(), /ImageDigestMirrorSet\/team/);
	await close();
});
