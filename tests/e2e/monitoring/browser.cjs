// What the drivers of the page share: a browser that notes what goes wrong, signing in, pictures in both themes.
"use strict";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];

/** Runs `drive(page, seen)` in a browser and prints what it put into `seen`; problems of the page and requests elsewhere are noted in it. */
async function withPage({ library, executablePath, url, height }, drive) {
  const { chromium } = require(library);
  const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height }, colorScheme: "light" });
  const page = await context.newPage();
  const seen = { problems: [], outside: [] };
  page.on("pageerror", (error) => seen.problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && seen.problems.push(message.text()));
  page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") || seen.outside.push(request.url()));
  await page.goto(url);
  await drive(page, seen);
  await browser.close();
  console.log(JSON.stringify(seen));
}

async function signIn(page, token) {
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
}

/** The time of the newest report moves on by itself. */
async function untilRefreshed(page) {
  const before = await page.locator("#freshness").textContent();
  await page.waitForFunction((text) => document.getElementById("freshness").textContent !== text, before);
}

/** A picture of the whole page in each theme; `look(theme)` is called after each. */
async function photograph(page, folder, look = async () => {}) {
  for (const theme of ["light", "dark"]) {
    await page.evaluate((name) => { localStorage.setItem("theme", name); applyTheme(); }, theme);
    await page.waitForTimeout(700);
    await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
    await page.screenshot({ path: `${folder}/page-${theme}.png`, fullPage: true });
    await look(theme);
  }
}

function run(main) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { withPage, signIn, untilRefreshed, photograph, run };
