// Draws every [data-chart]: figures come as JSON from the server, made there. A click on a point opens what is behind it.
"use strict";

(() => {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme === "dark"
    || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  function register() {
    Plotly.register({ moduleType: "locale", name: "zh-CN", dictionary: {
      "Zoom": "缩放", "Pan": "平移", "Zoom in": "放大", "Zoom out": "缩小", "Reset axes": "全图", "Reset": "全图",
      "Double-click to zoom back out": "双击恢复全图", "Double-click on legend to isolate one trace": "双击图例只看一项" },
      format: { decimal: ".", thousands: ",", grouping: [3], date: "%Y-%m-%d", time: "%H:%M:%S" } });
  }

  async function ask(place) {
    const url = new URL(place.dataset.chart, location.href);
    url.searchParams.set("theme", isDark() ? "dark" : "light");
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  }

  async function draw(place, asked = ask(place)) {
    place.setAttribute("aria-busy", "true");
    try {
      const figure = await asked;
      const { layout } = figure;
      const whole = { x: layout.xaxis.range, y: layout.yaxis.range };
      const shown = placeInAddress(place);
      if (shown) { layout.xaxis.range = shown.x; layout.yaxis.range = shown.y; }
      await Plotly.react(place, figure.data, layout, figure.config);
      place.dataset.drawn = isDark() ? "dark" : "light";
      const drawn = ranges(place);
      place.whole = shown ? whole : { x: [...drawn.x], y: [...drawn.y] };
      if (!place.isListening) listen(place);
    } catch (error) {
      place.textContent = "✕ " + error.message;
    }
    place.removeAttribute("aria-busy");
  }

  function listen(place) {
    place.isListening = true;
    place.on("plotly_click", (event) => open(place, event.points[0]));
    place.on("plotly_relayout", () => keepInAddress(place));
    // Not plotly's reset, which would go back to what the address asked for.
    place.on("plotly_doubleclick", () => showWhole(place));
    // The plain wheel scrolls the page; with Ctrl it zooms, as a pinch on a trackpad does.
    place.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(place, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 200), event.clientX, event.clientY);
    }, { passive: false });
    listenToFingers(place);
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

  // ---- the part of a ladder that is shown stands in the address, to paste into a ticket
  const isAlone = (place) => place.matches(".ladder") && document.querySelectorAll(".chart.ladder").length === 1;

  function placeInAddress(place) {
    const numbers = (new URL(location.href).searchParams.get("zoom") || "").split("_").map(Number);
    return isAlone(place) && numbers.length === 4 && numbers.every(Number.isFinite) && numbers[0] < numbers[1] && numbers[2] > numbers[3]
      ? { x: numbers.slice(0, 2), y: numbers.slice(2) } : null;
  }

  function keepInAddress(place) {
    if (!isAlone(place)) return;
    const url = new URL(location.href);
    const { xaxis, yaxis } = place._fullLayout;
    if (isWhole(place)) url.searchParams.delete("zoom");
    else url.searchParams.set("zoom", [...xaxis.range.map((value) => value.toFixed(2)), ...yaxis.range.map(Math.round)].join("_"));
    history.replaceState(history.state, "", url);
  }

  // ---- zoom and pan
  const ranges = (place) => ({ x: place._fullLayout.xaxis.range, y: place._fullLayout.yaxis.range });

  function isWhole(place) {
    const now = ranges(place);
    return ["x", "y"].every((axis) => now[axis].every((value, end) => Math.abs(value - place.whole[axis][end]) < 0.01 * Math.abs(place.whole[axis][1] - place.whole[axis][0])));
  }

  function show(place, wanted) {
    const change = {};
    if (wanted.x) change["xaxis.range"] = wanted.x;
    if (wanted.y) change["yaxis.range"] = wanted.y;
    return Plotly.relayout(place, change);
  }

  const showWhole = (place) => show(place, place.whole);
  const scaled = ([from, to], by, at) => { const fixed = from + (to - from) * at; return [fixed + (from - fixed) * by, fixed + (to - fixed) * by]; };
  const shifted = ([from, to], by) => [from + (to - from) * by, to + (to - from) * by];

  // `by` below 1 comes closer; what is under the point (of the window) stays there. Time runs down, so y is what zooms.
  function zoom(place, by, clientX, clientY) {
    const plot = place.querySelector(".nsewdrag").getBoundingClientRect();
    const down = (clientY - plot.top) / plot.height;
    show(place, { y: scaled(ranges(place).y, by, 1 - down) });  // the first end of the axis is its bottom
  }

  // Two fingers zoom and move. One finger scrolls the page as anywhere, until the chart is zoomed: then it moves the chart.
  function listenToFingers(place) {
    let start = null, pending = 0;
    const middle = (touches) => [(touches[0].clientX + touches[1].clientX) / 2, (touches[0].clientY + touches[1].clientY) / 2];
    const spread = (touches) => Math.max(20, Math.hypot(touches[0].clientX - touches[1].clientX, touches[0].clientY - touches[1].clientY));
    place.addEventListener("touchstart", (event) => {
      if (event.touches.length === 2) {
        event.preventDefault();
        event.stopPropagation();
        const plot = place.querySelector(".nsewdrag").getBoundingClientRect();
        start = { spread: spread(event.touches), middle: middle(event.touches), now: ranges(place), plot };
      } else if (event.touches.length === 1 && isWhole(place)) {
        event.stopPropagation();
      }
    }, { capture: true, passive: false });
    place.addEventListener("touchmove", (event) => {
      if (!start || event.touches.length !== 2) return;
      event.preventDefault();
      event.stopPropagation();
      const by = start.spread / spread(event.touches), [x, y] = middle(event.touches);
      const { now, plot } = start;
      const at = (value, from, size) => (value - from) / size;
      const wanted = {
        y: shifted(scaled(now.y, by, 1 - at(start.middle[1], plot.top, plot.height)), at(y - start.middle[1], 0, plot.height)),
        x: shifted(now.x, -at(x - start.middle[0], 0, plot.width)),
      };
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(() => show(place, wanted));
    }, { capture: true, passive: false });
    place.addEventListener("touchend", () => { start = null; }, { capture: true });
  }

  // By keyboard, for a chart that has the focus (+ − 0 also from elsewhere on the page).
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,select,textarea,dialog")) return;
    const focused = event.target.closest(".chart");
    const place = focused || document.querySelector(".chart.ladder");
    if (!place || !place._fullLayout) return;
    const now = ranges(place);
    const actions = { "+": () => show(place, { y: scaled(now.y, .7, .5) }), "=": () => show(place, { y: scaled(now.y, .7, .5) }),
      "-": () => show(place, { y: scaled(now.y, 1.4, .5) }), "0": () => showWhole(place) };
    if (focused) {
      // Down shows what comes later; the first end of the ladder's axis is its bottom.
      Object.assign(actions, { ArrowUp: () => show(place, { y: shifted(now.y, .12) }), ArrowDown: () => show(place, { y: shifted(now.y, -.12) }),
        ArrowLeft: () => show(place, { x: shifted(now.x, -.12) }), ArrowRight: () => show(place, { x: shifted(now.x, .12) }) });
    }
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });

  // Charts are as wide as the window; paper is narrower.
  const PAPER_WIDTH = 690;
  window.addEventListener("beforeprint", () => places().forEach((place) => { place.style.zoom = Math.min(1, PAPER_WIDTH / place.clientWidth); }));
  window.addEventListener("afterprint", () => places().forEach((place) => { place.style.zoom = ""; }));

  const places = () => [...document.querySelectorAll("[data-chart]")];
  // This script runs before plotly, which is large: the server makes the figures while the browser reads it.
  const asked = new Map(places().map((place) => [place, ask(place)]));
  asked.forEach((answer) => answer.catch(() => {}));  // told where it is drawn
  document.addEventListener("DOMContentLoaded", () => {
    register();
    asked.forEach((answer, place) => draw(place, answer));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (root.dataset.theme === "auto") places().forEach((place) => draw(place)); });
})();
