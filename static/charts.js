// Draws every [data-chart]: figures come as JSON from the server, made there. A click on a point opens what is behind it.
// A ladder stands in the page already, as a drawing with links. plotly, which is large, takes over when it is there; what
// the reader asked for until then (a part of the ladder, by key, wheel, mouse or fingers) is what it draws.
"use strict";

(() => {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme === "dark"
    || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  const loaded = (tag, attributes) => new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.addEventListener("load", resolve);
    element.addEventListener("error", () => reject(new Error(attributes.id)));
    document.head.append(element);
  });
  // This script has run before the others: a frame may come between it and them.
  const painted = () => new Promise((resolve) => document.addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(resolve))));

  // The page says where it is, and lets the browser read it meanwhile; it runs when all that answers clicks has run and
  // is seen. It writes no rules of its own, which the policy forbids, where an element of this id and class is.
  async function plotly() {
    const address = document.querySelector("link[data-rules]");
    await painted();
    await Promise.all([
      loaded("link", { id: "plotly.js-style-global", className: "no-inline-styles", rel: "stylesheet", href: address.dataset.rules }),
      loaded("script", { id: "plotly", src: address.href }),
    ]);
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
    const first = place.querySelector(".first-drawing");
    if (!first) place.setAttribute("aria-busy", "true");
    try {
      const figure = await asked;
      const { layout } = figure;
      await letGo(place);
      const shown = place.isListening ? ranges(place) : place.wanted;
      if (shown) { layout.xaxis.range = shown.x; layout.yaxis.range = shown.y; }
      await Plotly.react(place, figure.data, layout, figure.config);
      if (first) first.remove();
      place.dataset.drawn = isDark() ? "dark" : "light";
      if (!place.isListening) listen(place);
      place.whole ||= { x: [...ranges(place).x], y: [...ranges(place).y] };
      if (place.wanted) keepInAddress(place);
    } catch (error) {
      if (!first) place.textContent = "✕ " + error.message;
    }
    place.removeAttribute("aria-busy");
  }

  // What the reader has a finger, a button or the focus on is not taken away.
  async function letGo(place) {
    while (place.matches(":has(.first-drawing:active, .first-drawing :focus-visible)") || place.isHeld) {
      await new Promise((resolve) => ["pointerup", "pointercancel", "touchend", "focusout"].forEach((name) => document.addEventListener(name, () => setTimeout(resolve), { once: true })));
    }
  }

  // Until plotly is there, a drag is seen by its two ends.
  function attend(place) {
    place.isAttended = true;
    // The plain wheel scrolls the page; with Ctrl it zooms, as a pinch on a trackpad does.
    place.addEventListener("wheel", (event) => {
      if (!event.ctrlKey || !plotOf(place)) return;
      event.preventDefault();
      zoom(place, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 200), event.clientX, event.clientY);
    }, { passive: false });
    listenToFingers(place);
    const first = place.querySelector(".first-drawing");
    if (!first) return;
    place.whole = parts(first.dataset.whole);
    place.wanted = first.dataset.shown && parts(first.dataset.shown);
    let from = null;
    first.addEventListener("dragstart", (event) => event.preventDefault());
    first.addEventListener("pointerdown", (event) => { from = event.pointerType === "mouse" && event.button === 0 ? event : null; });
    document.addEventListener("pointerup", (event) => {
      if (from && place.contains(first) && far(from, event)) move(place, event.clientX - from.clientX, event.clientY - from.clientY);
    });
    first.addEventListener("click", (event) => { if (from && far(from, event)) { event.preventDefault(); event.stopPropagation(); } }, { capture: true });
    first.addEventListener("dblclick", () => showWhole(place));
  }

  function listen(place) {
    place.isListening = true;
    place.on("plotly_click", (event) => open(place, event.points[0]));
    place.on("plotly_relayout", () => keepInAddress(place));
    // Not plotly's reset, which would go back to what the address asked for.
    place.on("plotly_doubleclick", () => showWhole(place));
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

  function parts(text) {
    const numbers = text.split("_").map(Number);
    return { x: numbers.slice(0, 2), y: numbers.slice(2) };
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
  const plotOf = (place) => place.querySelector(".nsewdrag, .first-drawing");

  function ranges(place) {
    return place.isListening ? { x: place._fullLayout.xaxis.range, y: place._fullLayout.yaxis.range } : place.wanted || place.whole;
  }

  function isWhole(place) {
    const now = ranges(place);
    return ["x", "y"].every((axis) => now[axis].every((value, end) => Math.abs(value - place.whole[axis][end]) < 0.01 * Math.abs(place.whole[axis][1] - place.whole[axis][0])));
  }

  function show(place, wanted) {
    if (!place.isListening) { place.wanted = { ...ranges(place), ...wanted }; return; }
    const change = {};
    if (wanted.x) change["xaxis.range"] = wanted.x;
    if (wanted.y) change["yaxis.range"] = wanted.y;
    Plotly.relayout(place, change);
  }

  const showWhole = (place) => show(place, place.whole);
  const scaled = ([from, to], by, at) => { const fixed = from + (to - from) * at; return [fixed + (from - fixed) * by, fixed + (to - fixed) * by]; };
  const shifted = ([from, to], by) => [from + (to - from) * by, to + (to - from) * by];
  const far = (from, to) => Math.hypot(to.clientX - from.clientX, to.clientY - from.clientY) > 5;

  // By pixels of the window; what is under the pointer goes with it.
  function move(place, x, y) {
    const plot = plotOf(place).getBoundingClientRect(), now = ranges(place);
    show(place, { x: shifted(now.x, -x / plot.width), y: shifted(now.y, y / plot.height) });
  }

  // `by` below 1 comes closer; what is under the point (of the window) stays there. Time runs down, so y is what zooms.
  function zoom(place, by, clientX, clientY) {
    const plot = plotOf(place).getBoundingClientRect();
    const down = (clientY - plot.top) / plot.height;
    show(place, { y: scaled(ranges(place).y, by, 1 - down) });  // the first end of the axis is its bottom
  }

  // Two fingers zoom and move. One finger scrolls the page as anywhere, until the chart is zoomed: then it moves the chart.
  function listenToFingers(place) {
    let start = null, pending = 0;
    const middle = (touches) => [(touches[0].clientX + touches[1].clientX) / 2, (touches[0].clientY + touches[1].clientY) / 2];
    const spread = (touches) => Math.max(20, Math.hypot(touches[0].clientX - touches[1].clientX, touches[0].clientY - touches[1].clientY));
    place.addEventListener("touchstart", (event) => {
      if (!plotOf(place)) return;
      if (event.touches.length === 2) {
        event.preventDefault();
        event.stopPropagation();
        const plot = plotOf(place).getBoundingClientRect();
        start = { spread: spread(event.touches), middle: middle(event.touches), now: ranges(place), plot };
        place.isHeld = true;
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
    place.addEventListener("touchend", () => { start = null; place.isHeld = false; }, { capture: true });
  }

  // By keyboard, for a chart that has the focus (+ − 0 also from elsewhere on the page).
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,select,textarea,dialog")) return;
    const focused = event.target.closest(".chart");
    const place = focused || document.querySelector(".chart.ladder");
    if (!place || !plotOf(place)) return;
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
  // The server makes the figures while the browser reads plotly.
  const library = plotly();
  places().forEach((place) => {
    attend(place);
    const answer = ask(place);
    answer.catch(() => {});  // told where it is drawn
    draw(place, library.then(() => answer));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (root.dataset.theme === "auto") places().forEach((place) => draw(place)); });
})();
