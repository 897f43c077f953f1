// What this browser was uploading, so that it can go on after a reload: names, sizes and addresses, never contents.

const PREFIX = "eadscope.upload.";
const KEPT_MS = 7 * 86400 * 1000;  // as long as the server keeps what has arrived
const ALIVE_MS = 8000;             // another tab that wrote so lately is still at it
const tab = sessionStorage.getItem("eadscope.tab") ?? String(Math.random()).slice(2);
sessionStorage.setItem("eadscope.tab", tab);

export class Memory {
  constructor(goal, title, items) {
    this.record = { goal, title, tab, begun: Date.now(), items: items.map((item) => this.#described(item)) };
    this.#items = items;
    this.save(true);
  }

  #items; #saved = 0;

  #described = ({ path, file, url, done, key }) => ({ path, size: file.size, modified: file.lastModified, url, done: !!done, key });

  // At most twice a second: a folder of thousands of files makes a long list.
  save(isUrgent = false) {
    if (!isUrgent && Date.now() - this.#saved < 500) return;
    this.#saved = Date.now();
    this.record.items = this.#items?.map((item) => this.#described(item)) ?? this.record.items;
    this.record.alive = Date.now();
    try { localStorage.setItem(PREFIX + this.record.goal.case, JSON.stringify(this.record)); } catch { /* full: no resuming */ }
  }

  forget() { forget(this.record); }
}

export function forget(record) { localStorage.removeItem(PREFIX + record.goal.case); }

// The newest interrupted upload: of this case, or of any where no case is given.
export function interrupted(caseId) {
  const found = [];
  for (const name of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    try {
      const record = JSON.parse(localStorage.getItem(name));
      if (Date.now() - record.alive > KEPT_MS) localStorage.removeItem(name);
      else if ((!caseId || record.goal.case === Number(caseId)) && (record.tab === tab || Date.now() - record.alive > ALIVE_MS)) found.push(record);
    } catch { localStorage.removeItem(name); }
  }
  return found.sort((one, other) => other.alive - one.alive)[0] ?? null;
}

// The files of a record among those that were chosen now: by path, or by name alone where a file was picked by itself.
// Null unless at least one that had not arrived is there.
export function matched(record, chosen) {
  const bySize = (one, item) => one.size === item.file.size && one.modified === item.file.lastModified;
  const items = [];
  for (const one of record.items) {
    const same = chosen.find((item) => item.path === one.path && bySize(one, item))
      ?? chosen.find((item) => item.file.name === one.path.split("/").at(-1) && bySize(one, item));
    if (same) items.push({ ...one, file: same.file });
  }
  return items.some((item) => !item.done) ? items : null;
}
