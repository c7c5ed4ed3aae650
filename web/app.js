// The page: asks the operator's API every few seconds and shows what it says. It keeps nothing but the token (in this tab) and the theme.
"use strict";

const API = "/api/admin/monitoring/connections/";
const POOLS_EVERY_MS = 2000;
const REST_EVERY_MS = 5000;
const HISTORY_EVERY_MS = 10000;
const LISTED_MAX = 60;

const $ = (id) => document.getElementById(id);
const state = { token: null, pools: [], chosen: null, database: null, sort: { column: "utilization", descending: true }, timers: [], asking: new Set(), openServers: new Set() };

// ---- small tools

/** element("td", {class: "left"}, "text", child...) */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const number = (value, digits = 0) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const clock = (text) => new Date(text).toLocaleTimeString();
const poolKey = (pool) => `${pool.namespace}/${pool.name}`;

function level(value, pool) {
  if (value === null) return "";
  if (value >= pool.criticalPercent) return "critical";
  return value >= pool.warningPercent ? "warning" : "good";
}

// ---- asking

class Refused extends Error {}

async function ask(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(API + path + (query ? `?${query}` : ""), { headers: { Authorization: `Bearer ${state.token}` }, cache: "no-store" });
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => null);
  const message = body?.error?.message ?? `the server answered ${answer.status}`;
  if (answer.status === 401 || answer.status === 403) throw new Refused(message);
  throw new Error(message);
}

/** Runs a step, unless its last run is not over yet, and tells what went wrong. */
async function run(step) {
  if (document.hidden || state.asking.has(step) || !state.token) return;
  state.asking.add(step);
  try {
    await step();
    tell("");
  } catch (error) {
    if (error instanceof Refused) {
      signOut(error.message);
    } else {
      tell(`No news from the operator: ${error.message}. What you see may be old.`);
    }
  } finally {
    state.asking.delete(step);
  }
}

function tell(problem) {
  setText($("problem"), problem);
  $("problem").hidden = !problem;
}

// ---- at a glance

async function showPools() {
  const [health, pools, alerts] = await Promise.all([ask("health"), ask("pool"), ask("alerts")]);
  state.pools = pools.pools;
  showHealth(health, alerts.alerts);
  showAlerts(alerts.alerts);
  showTable();
  showDetail();
}

const HEALTH_CLASS = { healthy: "good", unknown: "warning", degraded: "warning", down: "critical" };

function showHealth(health, alerts) {
  setText($("health"), health.status);
  $("health").className = `pill ${HEALTH_CLASS[health.status]}`;
  setText($("freshness"), `as of ${clock(health.timestamp)}`);
  const up = health.pgbouncers.filter((pod) => pod.status === "healthy").length;
  const servers = health.databases.filter((server) => server.status === "healthy").length;
  const redis = health.redis.filter((one) => one.connected).length;
  const waiting = state.pools.reduce((sum, pool) => sum + pool.connections.waitingClients, 0);
  const tiles = [
    ["Pools", state.pools.length],
    ["Overloaded", state.pools.filter((pool) => pool.overloaded).length],
    ["PgBouncers up", `${up} of ${health.pgbouncers.length}`],
    ["PostgreSQL up", `${servers} of ${health.databases.length}`],
    ["Clients waiting", waiting],
    ["Critical alerts", alerts.filter((alert) => alert.severity === "critical").length],
  ];
  if (health.redis.length) tiles.push(["Redis up", `${redis} of ${health.redis.length}`]);
  $("tiles").replaceChildren(...tiles.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

/** What an alert is about; a pool can be chosen. */
function subject(alert) {
  const rest = [alert.database, alert.pod, alert.server].filter(Boolean).join(" · ");
  return alert.pool ? element("span", {}, chooser(alert), rest ? ` · ${rest}` : "") : element("span", {}, rest);
}

/** The name of a pool, as a button that shows it. */
function chooser({ namespace, pool, database }) {
  const key = `${namespace}/${pool}`;
  const button = element("button", { type: "button", class: "chooser" }, key);
  button.addEventListener("click", () => chooseDetail(key, database));
  return button;
}

/** A value that fell below its limit keeps its alert for a while, so that it does not ring again and again. */
const message = (alert) => (alert.value !== null && alert.value < alert.limit ? `${alert.message} Below the limit now.` : alert.message);

function showAlerts(alerts) {
  setText($("alerts-count"), alerts.length ? `${alerts.length}` : "none");
  const rows = alerts.slice(0, LISTED_MAX).map((alert) =>
    element("li", {}, element("span", { class: `severity ${alert.severity}` }, alert.severity), element("span", {}, alert.alert),
      subject(alert), element("span", {}, message(alert)), element("span", { class: "quiet" }, `since ${clock(alert.since)}`)));
  if (alerts.length > LISTED_MAX) rows.push(element("li", {}, `and ${alerts.length - LISTED_MAX} more`));
  $("alerts").replaceChildren(...rows);
}

// ---- the table of pools

const COLUMNS = [
  { id: "pool", name: "Pool", left: true, value: poolKey },
  { id: "utilization", name: "Utilization", value: (pool) => pool.connections.utilizationPercent ?? -1 },
  { id: "busy", name: "Busy", value: (pool) => pool.connections.busy ?? -1, text: (pool) => number(pool.connections.busy, 1) },
  { id: "max", name: "Max", value: (pool) => pool.connections.max },
  { id: "open", name: "Open", value: (pool) => pool.connections.total },
  { id: "clients", name: "Clients", value: (pool) => pool.connections.activeClients },
  { id: "waiting", name: "Waiting", value: (pool) => pool.connections.waitingClients },
  { id: "wait", name: "Longest wait", value: (pool) => pool.connections.longestWaitSeconds, text: (pool) => `${number(pool.connections.longestWaitSeconds, 1)} s` },
  { id: "pods", name: "PgBouncers", value: (pool) => pool.podsUp / Math.max(pool.pods, 1), text: (pool) => `${pool.podsUp} of ${pool.pods}` },
  { id: "version", name: "Version", value: (pool) => pool.pgbouncerVersions.join(", ") },
];
const rows = new Map(); // pool key -> {row, cells}

function makeHead() {
  $("pools").tHead.rows[0].replaceChildren(...COLUMNS.map((column) => {
    const button = element("button", { type: "button" }, column.name);
    button.addEventListener("click", () => {
      const same = state.sort.column === column.id;
      state.sort = { column: column.id, descending: same ? !state.sort.descending : column.id !== "pool" };
      showTable();
    });
    return element("th", { scope: "col", class: column.left ? "left" : "", "data-column": column.id }, button);
  }));
}

function makeRow(pool) {
  const bar = element("i");
  const gauge = element("span", { class: "gauge", "aria-hidden": "true" }, bar);
  const percent = element("span", { class: "percent" });
  const cells = COLUMNS.map((column) => element("td", { class: column.left ? "left" : "" }));
  cells[0].append(chooser({ namespace: pool.namespace, pool: pool.name }));
  cells[1].append(gauge, percent);
  return { row: element("tr", { "data-pool": poolKey(pool) }, ...cells), cells, bar, gauge, percent };
}

function fillRow(entry, pool) {
  const used = pool.connections.utilizationPercent;
  entry.bar.style.width = `${used ?? 0}%`;
  entry.gauge.className = `gauge ${level(used, pool)}`;
  entry.percent.className = `percent ${level(used, pool)}`;
  setText(entry.percent, used === null ? "unknown" : `${number(used, 1)} %`);
  COLUMNS.forEach((column, index) => {
    if (index > 1) setText(entry.cells[index], column.text ? column.text(pool) : String(column.value(pool)));
  });
  entry.row.classList.toggle("chosen", state.chosen === poolKey(pool));
}

function wantedPools() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const busyOnly = $("busy-only").checked;
  const column = COLUMNS.find((one) => one.id === state.sort.column);
  const direction = state.sort.descending ? -1 : 1;
  return state.pools
    .filter((pool) => {
      const text = `${poolKey(pool)} ${pool.databases.map((database) => database.server).join(" ")}`.toLowerCase();
      const troubled = pool.overloaded || pool.podsUp < pool.pods || pool.connections.waitingClients > 0 || (pool.connections.utilizationPercent ?? 0) >= pool.warningPercent;
      return words.every((word) => text.includes(word)) && (!busyOnly || troubled);
    })
    .sort((a, b) => {
      const [left, right] = [column.value(a), column.value(b)];
      const order = left < right ? -1 : left > right ? 1 : 0;
      return order * direction || (poolKey(a) < poolKey(b) ? -1 : 1);
    });
}

function showTable() {
  for (const head of $("pools").tHead.rows[0].cells) {
    const sorted = head.dataset.column === state.sort.column;
    head.setAttribute("aria-sort", sorted ? (state.sort.descending ? "descending" : "ascending") : "none");
  }
  const wanted = wantedPools();
  setText($("pools-count"), wanted.length === state.pools.length ? `${wanted.length}` : `${wanted.length} of ${state.pools.length}`);
  const shown = wanted.map((pool) => {
    const key = poolKey(pool);
    if (!rows.has(key)) rows.set(key, makeRow(pool));
    fillRow(rows.get(key), pool);
    return rows.get(key).row;
  });
  // Rows that stand where they stood are not touched: the focus and the reader's place stay.
  const body = $("pools").tBodies[0];
  shown.forEach((row, index) => {
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  while (body.rows.length > shown.length) body.lastElementChild.remove();
  const existing = new Set(state.pools.map(poolKey));
  for (const key of rows.keys()) if (!existing.has(key)) rows.delete(key);
}

// ---- one pool

function chooseDetail(key, database) {
  state.chosen = key;
  state.database = database ?? null;
  showTable();
  showDetail();
  run(showHistory);
  $("detail").scrollIntoView({ block: "nearest" });
}

function chosenDatabase() {
  const pool = state.pools.find((one) => poolKey(one) === state.chosen);
  if (!pool) return [null, null];
  return [pool, pool.databases.find((one) => one.name === state.database) ?? pool.databases[0]];
}

const POD_COLUMNS = [
  ["PgBouncer", (pod) => pod.name],
  ["Version", (pod) => pod.pgbouncerVersion ?? "–"],
  ["State", (pod) => (pod.up ? (pod.paused ? "paused" : "up") : `down: ${pod.problem ?? "never reached"}`)],
  ["Utilization", (pod) => (pod.connections.utilizationPercent === null ? "unknown" : `${number(pod.connections.utilizationPercent, 1)} %`)],
  ["Active", (pod) => String(pod.connections.active)],
  ["Idle", (pod) => String(pod.connections.idle)],
  ["Max", (pod) => String(pod.connections.max)],
  ["Waiting", (pod) => String(pod.connections.waitingClients)],
];

function showDetail() {
  const [pool, database] = chosenDatabase();
  $("detail").hidden = !database;
  if (!database) return;
  state.database = database.name;
  setText($("detail-title"), `${poolKey(pool)} at ${pool.endpoint ?? "–"}`);
  const names = pool.databases.map((one) => one.name);
  if ([...$("database").options].map((option) => option.value).join() !== names.join()) {
    $("database").replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  }
  $("database").value = database.name;
  setText($("size-reason"), `Size ${database.size} (${database.sizeMin}–${database.sizeMax}) on ${database.server}. ${database.sizeReason ?? ""}`);
  $("pods").tHead.rows[0].replaceChildren(...POD_COLUMNS.map(([name], index) => element("th", { scope: "col", class: index < 3 ? "left" : "" }, name)));
  $("pods").tBodies[0].replaceChildren(...database.pods.map((pod) =>
    element("tr", {}, ...POD_COLUMNS.map(([, text], index) => element("td", { class: index < 3 ? "left" : "" }, text(pod))))));
}

async function showHistory() {
  const [pool, database] = chosenDatabase();
  if (!database) return;
  const history = await ask("history", { namespace: pool.namespace, pool: pool.name, database: database.name });
  const series = history.series[0];
  if (!series || state.database !== series.database) return;
  const theme = document.documentElement.dataset.theme;
  plots.utilization(series, { warning: pool.warningPercent, critical: pool.criticalPercent }, theme);
  plots.size(series, theme);
}

// ---- servers and decisions

async function showRest() {
  const [budgets, decisions] = await Promise.all([ask("budgets"), ask("decisions")]);
  $("budgets").replaceChildren(...budgets.servers.sort((a, b) => usedShare(b) - usedShare(a)).map(budgetRow));
  const rows = decisions.decisions.slice(0, LISTED_MAX).map((decision) =>
    element("li", {}, element("span", { class: "quiet" }, clock(decision.time)), element("span", {}, chooser(decision), ` · ${decision.database}`),
      element("strong", {}, `${decision.sizeBefore} → ${decision.size}`), element("span", { class: "why" }, decision.text)));
  $("decisions").replaceChildren(...(rows.length ? rows : [element("li", {}, "No size was changed lately.")]));
}

const usedShare = (server) => (server.budget ? server.committed / server.budget : 0);

function budgetRow(server) {
  const whole = Math.max(server.budget, server.committed, 1);
  const used = 100 * usedShare(server);
  const severity = !server.budget ? "" : used >= 90 ? "critical" : used >= 80 ? "warning" : "good";
  const words = server.budget ? `${server.committed} of ${server.budget} (${number(used)} %), ${server.held} open` : `${server.committed}, budget unknown`;
  const notes = [server.reachable ? "" : "does not answer", server.saturated ? "saturated" : ""].filter(Boolean).join(", ");
  const stack = element("div", { class: "stack", role: "img", "aria-label": `${server.server}: ${words}` });
  const shares = [...server.shares].sort((a, b) => b.committed - a.committed);
  for (const share of shares) {
    const part = element("i", { title: `${share.namespace}/${share.pool} ${share.database}: may open ${share.committed}, has ${share.held}` });
    part.style.width = `${(100 * share.committed) / whole}%`;
    stack.append(part);
  }
  const head = element("div", { class: "budget-head" }, element("strong", {}, server.server), element("span", { class: "critical" }, notes),
    element("span", { class: "spacer" }), element("span", { class: severity }, words));
  return element("li", {}, head, stack, shareList(server.server, shares));
}

/** Who has how much of a server, in words; what is open stays open when the numbers change. */
function shareList(server, shares) {
  const list = element("details", {}, element("summary", {}, `${shares.length} ${shares.length === 1 ? "share" : "shares"}`));
  list.open = state.openServers.has(server);
  list.addEventListener("toggle", () => (list.open ? state.openServers.add(server) : state.openServers.delete(server)));
  list.append(element("ul", {}, ...shares.map((share) => element("li", {}, chooser(share), ` · ${share.database}: may open ${share.committed}, has ${share.held}`))));
  return list;
}

// ---- signing in and out, themes

function start() {
  $("sign-in").hidden = true;
  $("main").hidden = false;
  $("sign-out").hidden = false;
  for (const [step, every] of [[showPools, POOLS_EVERY_MS], [showRest, REST_EVERY_MS], [showHistory, HISTORY_EVERY_MS]]) {
    run(step);
    state.timers.push(setInterval(run, every, step));
  }
}

function signIn(token) {
  state.timers.forEach(clearInterval);
  state.timers = [];
  state.token = token;
  sessionStorage.setItem("token", token);
  start();
}

function signOut(reason = "") {
  state.timers.forEach(clearInterval);
  Object.assign(state, { token: null, timers: [], pools: [], chosen: null });
  sessionStorage.removeItem("token");
  plots.clear();
  $("main").hidden = true;
  $("sign-out").hidden = true;
  $("sign-in").hidden = false;
  setText($("health"), "");
  setText($("freshness"), "");
  tell(reason);
  $("token").focus();
}

const THEMES = ["system", "light", "dark"];
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const wanted = localStorage.getItem("theme") ?? "system";
  document.documentElement.dataset.theme = wanted === "system" ? (prefersDark.matches ? "dark" : "light") : wanted;
  setText($("theme"), `Theme: ${wanted}`);
  run(showHistory);
}

$("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "system") + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  applyTheme();
});
prefersDark.addEventListener("change", applyTheme);
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn($("token").value.trim());
  $("token").value = "";
});
$("sign-out").addEventListener("click", () => signOut());
$("filter").addEventListener("input", showTable);
$("busy-only").addEventListener("change", showTable);
$("close-detail").addEventListener("click", () => {
  state.chosen = null;
  showTable();
  showDetail();
});
$("database").addEventListener("change", () => {
  state.database = $("database").value;
  showDetail();
  run(showHistory);
});
document.addEventListener("visibilitychange", () => run(showPools));
window.addEventListener("resize", () => run(showHistory));

makeHead();
applyTheme();
// A link may bring the token behind '#', which browsers do not send: it is taken and removed from the address.
function takeToken() {
  const brought = new URLSearchParams(location.hash.slice(1)).get("token");
  if (brought) history.replaceState(null, "", location.pathname);
  const known = brought ?? sessionStorage.getItem("token");
  if (!known) return signOut();
  if (known !== state.token) signIn(known);
}
window.addEventListener("hashchange", takeToken);
takeToken();
