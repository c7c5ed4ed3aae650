// Opens the page of a running operator in a real browser, looks at one pool and prints one JSON object of what was seen.
// usage: live_page.cjs PLAYWRIGHT_CORE CHROMIUM URL TOKEN NAMESPACE/POOL PICTURES_FOLDER
"use strict";

const [, , library, executablePath, url, token, pool, pictures] = process.argv;
const { withPage, signIn, untilRefreshed, photograph, run } = require("./browser.cjs");

run(() => withPage({ library, executablePath, url, height: 900 }, async (page, seen) => {
  await signIn(page, token);
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
  await untilRefreshed(page);
  await photograph(page, pictures);
}));
