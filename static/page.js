// Page manners that HTML and htmx do not give: keyboard, drawer, copy buttons, the browser's zone. No state beside the URL.
"use strict";

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const had = document.cookie.includes("tz=" + zone);
  if (zone && !had) {
    document.cookie = "tz=" + zone + ";path=/;max-age=31536000;samesite=lax";
    // The first page was drawn before the zone was known; draw it again, once, if it shows times in the viewer's zone.
    if (document.cookie.includes("tz=" + zone) && zone !== "UTC" && document.documentElement.dataset.zone === "viewer"
        && document.querySelector("main time")) location.reload();
  }

  // What a change by a script repeats, so that the server knows it from one that another site's page started.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("meta[name=csrf]");
    if (token) event.detail.headers["X-CSRF-Token"] = token.content;
  });

  const drawer = () => document.getElementById("drawer");

  function closeDrawer() {
    const open = drawer();
    if (!open || open.hidden) return false;
    open.hidden = true;
    open.replaceChildren();
    document.body.classList.remove("with-drawer");
    const url = new URL(location.href);
    ["src", "line", "frame"].forEach((name) => url.searchParams.delete(name));
    history.pushState({}, "", url);
    document.querySelectorAll("[data-evidence][aria-current]").forEach((link) => link.removeAttribute("aria-current"));
    // A mark of a ladder's first drawing is gone when plotly has taken over.
    if (opener) (opener.isConnected ? opener : document.querySelector(".chart.ladder"))?.focus();
    return true;
  }

  let opener = null;

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-opens],[data-copies],[data-closes-drawer],[data-evidence],[data-moves]");
    if (!target) return;
    if (target.dataset.opens) document.getElementById(target.dataset.opens).showModal();
    if (target.dataset.copies !== undefined) copy(target);
    if (target.dataset.closesDrawer !== undefined) { event.preventDefault(); closeDrawer(); }
    // A new tab or window stays one; without script the link opens the page with its drawer.
    if (target.dataset.evidence !== undefined && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      opener = target;
      openEvidence(target.getAttribute("href"));
    }
    if (target.dataset.moves) moveItem(target);
  });

  // Capture points: up is nearer the client. The form sends them in the order in which they stand.
  function moveItem(button) {
    const item = button.closest("li");
    const other = button.dataset.moves === "-1" ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    if (button.dataset.moves === "-1") other.before(item); else other.after(item);
    button.focus();
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {  // no clipboard without a secure context: select the text, so that one key copies it
      getSelection().selectAllChildren(source);
    }
    say(button.dataset.done);
  }

  // Evidence that is asked for by script (a click into a chart) takes the same way as a link.
  window.openEvidence = (path) => {
    // The part of the ladder that is shown has changed since the link was written.
    const url = new URL(path, location.href), zoom = new URL(location.href).searchParams.get("zoom");
    if (zoom) url.searchParams.set("zoom", zoom); else url.searchParams.delete("zoom");
    const href = url.pathname + url.search;
    htmx.ajax("GET", href, { target: "#drawer", swap: "innerHTML" });
    history.pushState({}, "", href);
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "drawer") return;
    event.target.hidden = false;
    document.body.classList.add("with-drawer");
    const heading = event.target.querySelector("h2");
    if (heading) heading.focus({ preventScroll: true });
    showMarkedLine(event.target);
    markCurrent();
  });

  // An error answers in JSON with a sentence in both languages; what is on the page stays there.
  document.addEventListener("htmx:responseError", (event) => {
    let text = event.detail.xhr.status + " " + event.detail.xhr.statusText;
    try { text = JSON.parse(event.detail.xhr.responseText).error[document.documentElement.lang.startsWith("zh") ? "zh" : "en"]; } catch { /* no JSON */ }
    say(text);
  });

  function say(text) {
    const toast = document.getElementById("toast");
    toast.textContent = text;
    setTimeout(() => { if (toast.textContent === text) toast.textContent = ""; }, 5000);
  }

  function showMarkedLine(within) {
    const marked = within.querySelector(".log-lines .here");
    // Not scrollIntoView, which would move the page behind the drawer as well.
    if (marked) within.scrollTop += marked.getBoundingClientRect().top - within.getBoundingClientRect().top - within.clientHeight / 3;
  }

  function markCurrent() {
    const now = new URL(location.href);
    const key = (url) => ["src", "line", "frame"].map((name) => url.searchParams.get(name)).join("|");
    document.querySelectorAll("[data-evidence]").forEach((link) => {
      if (key(new URL(link.getAttribute("href"), location.href)) === key(now)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }

  window.addEventListener("popstate", () => location.reload());

  // ---- keyboard
  let prefix = "";
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))];
    (next.matches("a,button,[tabindex]") ? next : next.querySelector("a,button")).focus();
  }

  function nextEvidence() {
    const all = [...document.querySelectorAll("main a[data-evidence]")].filter((link) => link.offsetParent);
    if (!all.length) return;
    const at = all.findIndex((link) => link.hasAttribute("aria-current"));
    const next = all[(at + 1) % all.length];
    next.focus();
    next.click();
  }

  const press = (selector) => { const item = document.querySelector(selector); if (item) item.click(); };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { if (!document.querySelector("dialog[open]")) closeDrawer(); return; }
    if (event.target.closest("input,select,textarea,dialog")) return;
    const key = prefix + event.key;
    prefix = "";
    const actions = {
      "/": () => (document.querySelector("main [data-search]") || document.getElementById("top-q")).focus(),
      "?": () => document.getElementById("keys").showModal(),
      "j": () => step(1),
      "k": () => step(-1),
      "e": nextEvidence,
      "c": () => press("[data-toggles-clock]"),
      "t": toggleTheme,
      "gc": () => { location.href = "/cases"; },
      "gn": () => { location.href = "/cases/new"; },
    };
    if (event.key === "g" && !key.startsWith("gg")) { prefix = "g"; return; }
    if (actions[key]) { event.preventDefault(); actions[key](); }
  });

  function toggleTheme() {
    const chosen = document.documentElement.dataset.theme;
    const isDark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    const url = new URL(location.href);
    url.searchParams.set("theme", isDark ? "light" : "dark");
    location.href = url;
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (drawer() && !drawer().hidden) { document.body.classList.add("with-drawer"); showMarkedLine(drawer()); }
    markCurrent();
  });
})();
