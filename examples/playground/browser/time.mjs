import { chromium } from "playwright-core";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (let k=0;k<3;k++){
const context = await browser.newContext({ offline: true });
const page = await context.newPage();
page.on("console", (m) => console.log("  ", m.text()));
let b=performance.now();
await page.goto("file://"+process.argv[2]);
console.log("goto", performance.now()-b);
await page.waitForFunction(() => !running && document.getElementById("status").textContent === "Ready", null, { timeout: 120_000 });
console.log("ready", performance.now()-b);
await context.close();
}
await browser.close();
