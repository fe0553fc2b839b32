import { chromium } from "playwright-core";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ offline: true });
const page = await context.newPage();
page.on("console", (m) => console.log("  ", m.text()));
let b=performance.now();
await page.goto("file://"+process.argv[2]);
const settled = () => page.waitForFunction(() => !running && document.getElementById("status").textContent === "Ready", null, { timeout: 120_000 });
await settled();
console.log("ready", performance.now()-b);
const many = (n) => "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: many}\nspec:\n  imageDigestMirrors:\n" +
		Array.from({ length: n }, (_, i) => `  - {source: registry${i % 9}.example.com/a${i}, mirrors: [mirror.corp/a${i}]}\n`).join("");
await page.locator("#text").evaluate((text, value) => { text.value = value; text.dispatchEvent(new Event("input")); }, many(500));
await settled();
const times=[], inp=[];
for (let i = 0; i < 12; i++) {
		const began = performance.now();
		await page.locator("#image").fill(`registry1.example.com/a1/x${i}@sha256:` + "a".repeat(64));
		await page.waitForFunction((i) => document.getElementById("plan").innerText.includes(`/x${i}`), i);
		times.push(Math.round(performance.now() - began));
		await settled();
		console.log("--");
}
console.log(times.join(" "));
await browser.close();
