// The upload page: what was dropped or chosen goes up, then the analysis begins and htmx shows its progress.
import { CSRF, Uploading, reasonOf } from "./uploading.js";
import { Memory, forget, interrupted, matched } from "./upload-memory.js";

const form = document.getElementById("upload");
const at = (id) => document.getElementById(id);
const say = (name, values = {}) => Object.entries(values).reduce(
  (text, [key, value]) => text.replace(`{${key}}`, value), form.dataset["text" + name]);
const language = document.documentElement.lang;
let uploading = null;
let earlier = interrupted(form.dataset.case);

// ---------------------------------------------------------------- choosing

at("pick-files").addEventListener("click", () => at("files").click());
at("pick-folder").addEventListener("click", () => at("folder").click());
for (const id of ["files", "folder"]) {
  at(id).addEventListener("change", (event) => {
    const items = [...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    event.target.value = "";
    start(items);
  });
}
form.addEventListener("submit", (event) => event.preventDefault());

let depth = 0;
addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; at("zone").classList.add("over"); });
addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) at("zone").classList.remove("over"); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  depth = 0;
  at("zone").classList.remove("over");
  // Entries must be taken before the first await: the list is emptied when this handler yields.
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
  if (!entries.length) { start(loose); return; }
  label(say("Reading"));
  start(await walk(entries));
});

async function walk(entries) {
  const found = [];
  const waiting = [...entries];
  while (waiting.length) {
    const entry = waiting.shift();
    if (entry.isFile) {
      const file = await new Promise((done) => entry.file(done, () => done(null)));
      if (file) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    } else {
      const reader = entry.createReader();
      for (;;) {  // readEntries gives at most 100 at a time
        const some = await new Promise((done) => reader.readEntries(done, () => done([])));
        if (!some.length) break;
        waiting.push(...some);
      }
    }
  }
  return found;
}

// ---------------------------------------------------------------- an upload that was interrupted

function offerToGoOn() {
  const box = at("upload-earlier");
  box.hidden = !earlier;
  if (!earlier) return;
  const arrived = earlier.items.filter((item) => item.done);
  const sum = (items) => items.reduce((bytes, item) => bytes + item.size, 0);
  at("upload-earlier-title").textContent = earlier.title;
  at("upload-earlier-numbers").textContent = say("Earlier", {
    n: arrived.length, files: earlier.items.length, done: size(sum(arrived)), total: size(sum(earlier.items)),
  });
}
at("upload-forget").addEventListener("click", () => {
  const { goal, items } = earlier;
  const halves = items.filter((item) => item.url && !item.done);
  const asked = halves.map((item) => fetch(item.url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", ...CSRF } }));
  Promise.allSettled(asked).then(() => giveUp(goal));
  forget(earlier);
  earlier = null;
  offerToGoOn();
});
offerToGoOn();

// ---------------------------------------------------------------- uploading

async function start(items) {
  if (uploading) return;
  at("upload-errors").replaceChildren();
  if (!items.length) { label(say("Empty")); return; }
  const known = earlier && matched(earlier, items);
  show("zone", false);
  show("title-line", false);
  show("upload-earlier", false);
  label(say("Uploading"));
  try {
    const title = known ? earlier.title : titleOf(items);
    const goal = known ? earlier.goal : await persist(beginning(title));
    if (!known) for (const item of items) item.key = newKey();
    await upload(goal, title, known || items);
  } catch (error) {
    fail("", error.message || say("Network"));
    again();
  }
}

const titleOf = (items) => at("title")?.value.trim()
  || items[0].path.split("/")[0].replace(/\.(zip|7z|tar(\.\w+)?|tgz|txz)$/i, "") || form.dataset.titleUnnamed;

const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

// A request that may be sent again: the key tells the server that it is the same one, so that it makes one case.
function beginning(title) {
  const key = newKey();
  return () => form.dataset.case ? post(`/cases/${form.dataset.case}/bundles`, {}) : post("/cases", { title, key });
}

async function upload(goal, title, items) {
  uploading = new Uploading(new URL(goal.uploads_url, location).href, items, language, {
    changed: () => memory.save(),
    failed: (item, reason) => fail(item.path, reason || say("Network")),
  });
  const memory = new Memory(goal, title, items);
  const meter = new Meter(uploading);
  const leave = () => memory.save(true);
  addEventListener("pagehide", leave);
  at("upload-buttons").hidden = false;
  try {
    await uploading.run();
  } finally {
    meter.end();
    removeEventListener("pagehide", leave);
    at("upload-buttons").hidden = true;
  }
  const { arrived } = uploading;
  memory.forget();
  earlier = null;
  if (uploading.isCanceled || !arrived) giveUp(goal);
  if (uploading.isCanceled) { label(say("Canceled")); at("upload-numbers").textContent = ""; again(); return; }
  if (!arrived) { again(); return; }
  at("upload-bar").value = 1;
  label(say("Done"));
  at("upload-numbers").textContent = size(uploading.total);
  await persist(() => post(goal.analysis_url, {}));
  await htmx.ajax("GET", goal.progress_url, { target: "#progress", swap: "innerHTML" });
}

// A case that was made for this upload goes with it; the server keeps it where a file has come to it after all.
function giveUp(goal) {
  if (goal.cancel_url) fetch(goal.cancel_url, { method: "POST", headers: CSRF, keepalive: true }).catch(() => null);
}

function again() {
  uploading = null;
  show("zone", true);
  show("title-line", true);
  at("upload-trouble").hidden = true;
  earlier = interrupted(form.dataset.case);
  offerToGoOn();
}

at("upload-pause").addEventListener("click", () => {
  if (uploading.isPaused) uploading.resume(); else uploading.pause();
  at("upload-pause").textContent = say(uploading.isPaused ? "Continue" : "Pause");
});
at("upload-cancel").addEventListener("click", () => { uploading.isCanceled = true; uploading.cancel(); });

// Shows how far it is, how fast, how long it will take, and what is in the way. Four times a second.
class Meter {
  #timer = setInterval(() => this.#show(), 250);
  #seen = [];  // [time, bytes] of the last ten seconds

  constructor(uploading) { this.uploading = uploading; this.#show(); }

  end() { clearInterval(this.#timer); at("upload-trouble").hidden = true; }

  #show() {
    const { uploading } = this;
    const { sent, total, items, isPaused } = uploading;
    at("upload-bar").value = total ? sent / total : 0;
    label(say(isPaused ? "Paused" : "Uploading"));
    at("upload-file").textContent = uploading.current?.path ?? "";
    const parts = [say("Progress", { done: size(sent), total: size(total), n: uploading.arrived, files: items.length })];
    const speed = this.#speed(sent, isPaused);
    if (speed) parts.push(size(speed) + "/s", left((total - sent) / speed));
    at("upload-numbers").textContent = parts.join(" · ");
    this.#trouble(items.find((item) => item.trouble && !item.done)?.trouble, isPaused);
  }

  #speed(sent, isPaused) {
    const now = performance.now();
    if (isPaused) { this.#seen = []; return 0; }
    this.#seen.push([now, sent]);
    while (this.#seen.length > 1 && now - this.#seen[0][0] > 10000) this.#seen.shift();
    const [then, before] = this.#seen[0];
    return now - then > 900 && sent > before ? (sent - before) / (now - then) * 1000 : 0;
  }

  #trouble(trouble, isPaused) {
    const box = at("upload-trouble");
    box.hidden = !trouble || isPaused;
    if (box.hidden) return;
    const seconds = Math.max(0, Math.ceil((trouble.until - Date.now()) / 1000));
    const text = sentences(trouble.reason || say("Network"), seconds ? say("Again", { n: seconds }) : say("Trying"));
    if (box.textContent !== text) box.textContent = text;
  }
}

// ---------------------------------------------------------------- words and requests

// What a page does not have stays so: a case that exists has no title to give.
function show(id, isShown) { if (at(id)) at(id).hidden = !isShown; }

function label(text) {
  at("upload-state").hidden = false;
  if (at("upload-label").textContent !== text) at("upload-label").textContent = text;
}

function fail(path, reason) {
  at("upload-state").hidden = false;
  const line = document.createElement("li");
  const name = document.createElement("bdi");
  name.textContent = path;
  line.append(say("Failed") + (path ? ": " : ""), name, " — " + reason);
  at("upload-errors").append(line);
}

const sentences = (...some) => some.join(language.startsWith("zh") ? "" : " ");

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return (unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[unit];
}

function left(seconds) {
  if (seconds < 90) return say("LeftSeconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return say("LeftMinutes", { n: Math.round(seconds / 60) });
  return say("LeftHours", { n: (seconds / 3600).toFixed(1) });
}

async function post(url, body) {
  const headers = { "Content-Type": "application/json", "Accept": "application/json", ...CSRF };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return response.json();
  const error = new Error(reasonOf(response.status, await response.text(), language));
  error.isLasting = response.status < 500;
  throw error;
}

// Until it works, as the uploads do; what will not work by waiting is said at once.
async function persist(request) {
  for (let delay = 500; ; delay = Math.min(delay * 2, 15000)) {
    try {
      const answer = await request();
      at("upload-trouble").hidden = true;
      return answer;
    } catch (error) {
      if (error.isLasting) throw error;
      at("upload-trouble").hidden = false;
      at("upload-trouble").textContent = sentences(error.isLasting === false ? error.message : say("Network"), say("Again", { n: Math.ceil(delay / 1000) }));
      await new Promise((done) => setTimeout(done, delay));
    }
  }
}
