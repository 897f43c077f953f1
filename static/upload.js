// Drop zone: folders are walked, every file goes up by itself (PUT, with its path in the dropped folder), then the analysis
// begins and htmx shows its progress. One request a file, so that a resumable protocol can take its place.
"use strict";

(() => {
  const form = document.getElementById("upload");
  const zone = document.getElementById("zone");
  const say = (name) => form.dataset["text" + name];
  const at = (id) => document.getElementById(id);
  let busy = false;

  at("pick-files").addEventListener("click", () => at("files").click());
  at("pick-folder").addEventListener("click", () => at("folder").click());
  for (const id of ["files", "folder"]) {
    at(id).addEventListener("change", (event) => {
      const files = [...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
      event.target.value = "";
      start(files);
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());

  let depth = 0;
  addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; zone.classList.add("over"); });
  addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) zone.classList.remove("over"); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    zone.classList.remove("over");
    // Entries must be taken before the first await: the list is emptied when this handler yields.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const loose = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
    if (!entries.length) { start(loose); return; }
    show(say("Reading"), "");
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

  function show(label, numbers) {
    at("upload-state").hidden = false;
    at("upload-label").textContent = label;
    at("upload-numbers").textContent = numbers;
  }

  function fail(path, reason) {
    const line = document.createElement("li");
    const name = document.createElement("bdi");
    name.textContent = path;
    line.append(say("Failed") + ": ", name, " — " + reason);
    at("upload-errors").append(line);
  }

  const size = (bytes) => {
    const units = ["B", "kB", "MB", "GB"];
    let at = 0;
    while (bytes >= 1000 && at < 3) { bytes /= 1000; at += 1; }
    return (at && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[at];
  };

  async function problem(response) {
    try {
      const body = await response.json();
      const text = body.error || body.detail;
      return (text && (text[document.documentElement.lang.startsWith("zh") ? "zh" : "en"] || text)) || response.statusText;
    } catch { return response.status + " " + response.statusText; }
  }

  async function post(url, body) {
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", "Accept": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await problem(response));
    return response.json();
  }

  async function start(files) {
    if (busy) return;
    at("upload-errors").replaceChildren();
    if (!files.length) { show(say("Empty"), ""); return; }
    busy = true;
    zone.hidden = true;
    show(say("Uploading"), "");
    const total = files.reduce((sum, item) => sum + item.file.size, 0);
    try {
      const title = at("title") ? at("title").value.trim() || files[0].path.split("/")[0].replace(/\.(zip|7z|tar(\.\w+)?|tgz|txz)$/i, "") : "";
      const goal = form.dataset.case
        ? await post(`/cases/${form.dataset.case}/bundles`, {})
        : await post("/cases", { title: title || form.dataset.titleUnnamed });
      let before = 0, arrived = 0;
      for (const [index, item] of files.entries()) {
        const answer = await put(goal.files_url, item, (loaded) => {
          at("upload-bar").value = total ? (before + loaded) / total : 1;
          show(at("upload-label").textContent, say("Progress").replace("{done}", size(before + loaded)).replace("{total}", size(total))
            .replace("{n}", index + 1).replace("{files}", files.length));
        });
        if (answer === null) arrived += 1; else fail(item.path, answer);
        before += item.file.size;
      }
      at("upload-bar").value = 1;
      if (!arrived) throw new Error(say("Network"));
      show(say("Done"), size(total));
      await post(goal.analysis_url, {});
      await htmx.ajax("GET", goal.progress_url, { target: "#progress", swap: "innerHTML" });
    } catch (error) {
      fail("", error.message || say("Network"));
      zone.hidden = false;
      busy = false;
    }
  }

  // null when the file arrived, else the reason. XMLHttpRequest, for fetch does not tell how much went up.
  function put(url, item, progress) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("PUT", url + "?path=" + encodeURIComponent(item.path));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onload = async () => {
        if (request.status < 300) { done(null); return; }
        done(await problem(new Response(request.responseText, { status: request.status, statusText: request.statusText })));
      };
      request.onerror = () => done(say("Network"));
      request.send(item.file);
    });
  }
})();
