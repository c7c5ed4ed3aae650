// Drives the page in a real browser and prints one JSON object of what was seen.
// usage: page_test.cjs PLAYWRIGHT_CORE CHROMIUM URL TOKEN PICTURES_FOLDER
"use strict";

const [, , library, executablePath, url, token, pictures] = process.argv;
const { withPage, signIn, untilRefreshed, photograph, run } = require("./browser.cjs");

async function drive(page, seen) {
  seen.asksForToken = await page.locator("#sign-in").isVisible();
  await signIn(page, "not the right token at all");
  await page.locator("#problem").waitFor({ state: "visible" });
  seen.refusal = await page.locator("#problem").textContent();
  seen.problems = seen.problems.filter((text) => !text.includes("401"));

  await signIn(page, token);
  await page.locator("#pools tbody tr").first().waitFor();
  seen.rows = await page.locator("#pools tbody tr").count();
  seen.tiles = await page.locator("#tiles").innerText();
  seen.alerts = await page.locator("#alerts li").count();

  // Sorted by utilization, the busiest first; a click on the heading turns it around.
  const percents = async () => (await page.locator("#pools tbody .percent").allTextContents()).map((text) => Number.parseFloat(text) || -1);
  const isSorted = (values, direction) => values.every((value, index) => index === 0 || direction * (values[index - 1] - value) <= 0);
  seen.busiestFirst = isSorted(await percents(), -1);
  await page.click('th[data-column="utilization"] button');
  seen.busiestLast = isSorted(await percents(), 1);
  await page.click('th[data-column="utilization"] button');

  await page.fill("#filter", "billing");
  seen.filtered = await page.locator("#pools tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.pool.split("/")[0]));
  await page.fill("#filter", "");
  await page.check("#busy-only");
  seen.troubled = await page.locator("#pools tbody tr").count();
  await page.uncheck("#busy-only");

  // Everything can be reached with the keyboard.
  const first = page.locator("#pools tbody tr button").first();
  await first.focus();
  await page.keyboard.press("Enter");
  await page.locator("#utilization-plot canvas").waitFor();
  seen.plotLabel = await page.locator("#utilization-plot").getAttribute("aria-label");
  seen.plots = await page.locator(".plot canvas").count();
  seen.pods = await page.locator("#pods tbody tr").count();
  seen.reason = await page.locator("#size-reason").textContent();
  await page.locator("#budgets .stack").first().waitFor();
  seen.budgets = await page.locator("#budgets .stack").count();
  seen.decisions = await page.locator("#decisions li").count();
  seen.legend = await page.locator("#utilization-plot .u-series .u-value").allTextContents();

  // The servers that have least left come first; what is opened stays open when the numbers change.
  const used = (await page.locator(".budget-head").allTextContents()).map((text) => Number(text.match(/\((\d+) %\)/)[1]));
  seen.fullestFirst = isSorted(used, -1);
  await page.locator("#budgets summary").first().click();
  const isOpen = () => page.locator("#budgets details[open] .chooser").count();
  seen.shares = await isOpen();
  await page.evaluate(() => showRest());
  seen.sharesAfterwards = await isOpen();

  // From an alert to its pool.
  const troubled = page.locator("#alerts .chooser").first();
  const name = await troubled.textContent();
  await troubled.click();
  seen.fromAlert = (await page.locator("#detail-title").textContent()).startsWith(`${name} at `);

  await untilRefreshed(page);

  // How long one refresh keeps the page from answering.
  seen.refreshMs = await page.evaluate(() => {
    const begin = performance.now();
    showTable();
    return performance.now() - begin;
  });

  seen.unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select")].filter((control) => control.offsetParent !== null)
    .filter((control) => !(control.textContent || control.labels?.length || control.getAttribute("aria-label"))).length);
  seen.contrast = {};
  await photograph(page, pictures, async (theme) => { seen.contrast[theme] = await page.evaluate(leastContrast); });
  await page.click("#sign-out");
  seen.signedOut = (await page.locator("#sign-in").isVisible()) && !(await page.locator("#main").isVisible());
  seen.tokenIsGone = await page.evaluate(() => sessionStorage.getItem("token") === null);
  await page.goto(`${url}/#token=${token}`);
  await page.locator("#pools tbody tr").first().waitFor();
  seen.address = page.url();
}

/** Of every text with what is behind it; WCAG AA asks for 4.5. Runs in the page. */
function leastContrast() {
  const luminance = (color) => {
    const parts = color.match(/[\d.]+/g).slice(0, 3).map((part) => Number(part) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/rgba\(.*, 0\)|transparent|color\(/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let least = 21;
  for (const node of document.querySelectorAll("h1, h2, p, td, th, dt, dd, li span, button, figcaption, .percent")) {
    if (!node.innerText || node.offsetParent === null) continue;
    const [a, b] = [luminance(getComputedStyle(node).color), luminance(behind(node))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
}

run(() => withPage({ library, executablePath, url, height: 1250 }, drive));
