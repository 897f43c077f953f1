// Draws every [data-chart]: figures come as JSON from the server, made there. A click on a point opens what is behind it.
"use strict";

(() => {
  Plotly.register({ moduleType: "locale", name: "zh-CN", dictionary: {
    "Zoom": "缩放", "Pan": "平移", "Zoom in": "放大", "Zoom out": "缩小", "Reset axes": "全图", "Reset": "全图",
    "Double-click to zoom back out": "双击恢复全图", "Double-click on legend to isolate one trace": "双击图例只看一项" },
    format: { decimal: ".", thousands: ",", grouping: [3], date: "%Y-%m-%d", time: "%H:%M:%S" } });

  const root = document.documentElement;
  const isDark = () => root.dataset.theme === "dark"
    || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  async function draw(place) {
    place.setAttribute("aria-busy", "true");
    const url = new URL(place.dataset.chart, location.href);
    url.searchParams.set("theme", isDark() ? "dark" : "light");
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.status);
      const figure = await response.json();
      const config = { ...figure.config, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]] };
      delete config.modeBarButtonsToRemove;
      // The wheel scrolls the page until the reader works in the chart.
      config.scrollZoom = false;
      await Plotly.react(place, figure.data, { ...figure.layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" }, config);
      place.on("plotly_click", (event) => open(place, event.points[0]));
    } catch (error) {
      place.textContent = "✕ " + error.message;
    }
    place.removeAttribute("aria-busy");
  }

  function open(place, point) {
    const behind = point.customdata;
    if (!behind) return;
    if (behind.terminal) { location.href = place.dataset.page + "/terminals/" + encodeURIComponent(behind.terminal); return; }
    if (!behind.source) return;
    const url = new URL(place.dataset.page || location.href, location.href);
    url.searchParams.set("src", behind.source);
    for (const name of ["line", "frame"]) {
      if (behind[name]) url.searchParams.set(name, behind[name]); else url.searchParams.delete(name);
    }
    if (url.pathname !== location.pathname) { location.href = url; return; }
    openEvidence(url.pathname + url.search);
  }

  // ---- zoom and pan by keyboard, for a chart that has the focus (+ − 0 also from elsewhere on the page)
  function move(place, axis, change) {
    const layout = place._fullLayout[axis];
    if (!layout || layout.fixedrange) return;
    const [from, to] = layout.range.map((value) => layout.r2l(value));
    const [start, end] = change(from, to);
    Plotly.relayout(place, { [axis + ".range"]: [layout.l2r(start), layout.l2r(end)] });
  }
  const zoom = (by) => (from, to) => { const middle = (from + to) / 2, half = (to - from) / 2 * by; return [middle - half, middle + half]; };
  const shift = (by) => (from, to) => [from + (to - from) * by, to + (to - from) * by];

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,select,textarea,dialog")) return;
    const focused = event.target.closest(".chart");
    const place = focused || document.querySelector(".chart.ladder");
    if (!place || !place._fullLayout) return;
    const whole = () => Plotly.relayout(place, { "xaxis.autorange": false, ...place.whole });
    const actions = { "+": () => move(place, "yaxis", zoom(.7)), "=": () => move(place, "yaxis", zoom(.7)),
      "-": () => move(place, "yaxis", zoom(1.4)), "0": whole };
    if (focused) Object.assign(actions, { ArrowUp: () => move(place, "yaxis", shift(-.12)), ArrowDown: () => move(place, "yaxis", shift(.12)),
      ArrowLeft: () => move(place, "xaxis", shift(-.12)), ArrowRight: () => move(place, "xaxis", shift(.12)) });
    if (!actions[event.key]) return;
    event.preventDefault();
    if (!place.whole) place.whole = { "xaxis.range": [...place._fullLayout.xaxis.range], "yaxis.range": [...place._fullLayout.yaxis.range] };
    actions[event.key]();
  });

  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);
  document.addEventListener("DOMContentLoaded", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (root.dataset.theme === "auto") drawAll(); });
})();
