// The two plots of a pool. Without the plotting library (a build that could not have it) they are a sentence.
"use strict";

const plots = (() => {
  const HEIGHT = 210;
  const drawn = new Map(); // element id -> {chart, key}

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function axes(unit) {
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
    return [{ ...axis, space: 90 }, { ...axis, size: 46, values: (_, values) => values.map((value) => `${value}${unit}`) }];
  }

  /** Limits as dashed lines over the whole width. */
  function limitLines(limits) {
    return {
      hooks: {
        draw: [(chart) => {
          const { ctx, bbox } = chart;
          ctx.save();
          ctx.setLineDash([6, 5]);
          for (const { value, name } of limits) {
            const y = chart.valToPos(value, "y", true);
            ctx.strokeStyle = color(name);
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
          }
          ctx.restore();
        }],
      },
    };
  }

  /** Where nobody points, the legend tells the newest values. */
  function tellNewest(chart) {
    if (!chart.over.matches(":hover") && chart.data[0].length) chart.setLegend({ idx: chart.data[0].length - 1 });
  }

  /** Draws, or only changes the numbers of what is drawn already. */
  function show(id, key, description, columns, options) {
    const element = document.getElementById(id);
    element.setAttribute("aria-label", description);
    if (!window.uPlot) {
      element.textContent = description;
      return;
    }
    const known = drawn.get(id);
    if (known && known.key === key && known.width === element.clientWidth) {
      known.chart.setData(columns);
      tellNewest(known.chart);
      return;
    }
    if (known) known.chart.destroy();
    element.textContent = "";
    const chart = new uPlot({ width: element.clientWidth, height: HEIGHT, cursor: { y: false }, hooks: { ready: [tellNewest] }, ...options() }, columns, element);
    chart.over.addEventListener("mouseleave", () => tellNewest(chart));
    drawn.set(id, { chart, key, width: element.clientWidth });
  }

  const newest = (values) => {
    const known = values.filter((value) => value !== null);
    return known.length ? known[known.length - 1] : "unknown";
  };

  function utilization(series, limits, theme) {
    const values = series.utilizationPercent;
    const known = values.filter((value) => value !== null);
    const text = `Utilization over the last hour: now ${newest(values)} %, largest ${known.length ? Math.max(...known) : "unknown"} %.`;
    const key = [theme, series.namespace, series.pool, series.database, limits.warning, limits.critical].join("/");
    show("utilization-plot", key, text, [series.time, values], () => ({
      scales: { y: { range: [0, 100] } },
      axes: axes("%"),
      series: [{}, { label: "utilization %", stroke: color("--accent"), width: 2, fill: `${color("--accent")}22` }],
      plugins: [limitLines([{ value: limits.warning, name: "--warning" }, { value: limits.critical, name: "--critical" }])],
    }));
  }

  function size(series, theme) {
    const text = `Size over the last hour: now ${newest(series.size)}. Waiting clients: now ${newest(series.waitingClientsMax)}.`;
    const key = [theme, series.namespace, series.pool, series.database].join("/");
    show("size-plot", key, text, [series.time, series.size, series.waitingClientsMax], () => ({
      scales: { y: { range: (_, low, high) => [0, Math.max(5, Math.ceil(high * 1.1))] } },
      axes: axes(""),
      series: [
        {},
        { label: "size", stroke: color("--accent"), width: 2, paths: uPlot.paths.stepped({ align: -1 }) },
        { label: "waiting, most", stroke: color("--critical"), width: 1.5 },
      ],
    }));
  }

  function clear() {
    for (const { chart } of drawn.values()) chart.destroy();
    drawn.clear();
  }

  return { utilization, size, clear };
})();
