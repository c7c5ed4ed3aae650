// Opens the page of a running operator in a real browser, looks at one pool and prints one JSON object of what was seen.
// usage: live_page.cjs PLAYWRIGHT_CORE CHROMIUM URL TOKEN NAMESPACE/POOL PICTURES_FOLDER
"use strict";

const [, , library, executablePath, url, token, pool, pictures] = process.argv;
const { chromium } = require(library);
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];

async function main() {
  const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, colorScheme: "light" });
  const page = await context.newPage();
  const seen = { problems: [], outside: [] };
  page.on("pageerror", (error) => seen.problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && seen.problems.push(message.text()));
  page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") || seen.outside.push(request.url()));

  await page.goto(url);
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  const row = page.locator(`#pools tbody tr[data-pool="${pool}"]`);
  await row.waitFor();
  seen.rows = await page.locator("#pools tbody tr").count();
  await row.locator("button").click();
  await page.locator("#utilization-plot canvas").waitFor();
  await page.locator("#budgets .stack").first().waitFor();
  seen.percent = await row.locator(".percent").textContent();
  seen.alerts = await page.locator("#alerts li").allInnerTexts();
  seen.budgets = await page.locator("#budgets .stack").count();
  seen.reason = await page.locator("#size-reason").textContent();
  seen.pods = await page.locator("#pods tbody tr").allInnerTexts();
  const before = await page.locator("#freshness").textContent();
  await page.waitForFunction((text) => document.getElementById("freshness").textContent !== text, before);
  for (const theme of ["light", "dark"]) {
    await page.evaluate((name) => { localStorage.setItem("theme", name); applyTheme(); }, theme);
    await page.waitForTimeout(700);
    await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
    await page.screenshot({ path: `${pictures}/page-${theme}.png`, fullPage: true });
  }
  await browser.close();
  console.log(JSON.stringify(seen));
}

main().catch((error) => { console.error(error); process.exit(1); });
