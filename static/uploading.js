// Sends files by tus, a few at a time, and goes on by itself after whatever went wrong. Knows nothing of the page.
// `tus` is the global of static/vendor/tus-*.min.js.

const CHUNK = 32 * 1024 * 1024;  // one request; what has arrived of it when a link breaks is kept by the server
const SMALL = 512 * 1024;        // goes up with the request that announces it
const AT_ONCE = 3;
const DELAYS = [500, 1000, 2000, 4000, 8000, ...Array(240).fill(15000)];  // milliseconds: for an hour
const CHECKSUM_MISMATCH = 460;

// What a change by a script repeats, so that the server knows it from one that another site's page started.
export const CSRF = { "X-CSRF-Token": document.querySelector("meta[name=csrf]")?.content ?? "" };

// Hashes one file after another; asks a worker, and gives a promise of `sha-256=:…:`, or of null where it cannot.
class Hasher {
  #worker = new Worker("/static/file-hash.js", { type: "module" });
  #last = Promise.resolve();

  of(file) {
    this.#last = this.#last.then(() => new Promise((done) => {
      this.#worker.onmessage = ({ data }) => done(data.digest ? `sha-256=:${data.digest}:` : null);
      this.#worker.onerror = () => done(null);
      this.#worker.postMessage(file);
    }));
    return this.#last;
  }

  end() { this.#worker.terminate(); }
}

// What people are told: the server's own sentence in their language, where there is one.
export function reasonOf(status, body, language) {
  try {
    const told = JSON.parse(body);
    return (language.startsWith("zh") ? told.detail_zh ?? told.error?.zh : told.detail ?? told.error?.en) || `${status}`;
  } catch { return status ? `${status}` : ""; }
}

// items: [{file, path, url, done}], url where an earlier attempt got one. Events: changed() often, trouble(reason, seconds)
// while it waits to try again, and failed(item, reason) for a file that will not go.
export class Uploading {
  constructor(endpoint, items, language, events) {
    this.items = items;
    this.total = items.reduce((sum, item) => sum + item.file.size, 0);
    this.isPaused = false;
    this.#endpoint = endpoint;
    this.#language = language;
    this.#events = events;
    for (const item of items) item.sent = item.done ? item.file.size : 0;
  }

  #endpoint; #language; #events; #hasher; #finished;
  #running = new Map();  // item → tus.Upload

  get sent() { return this.items.reduce((sum, item) => sum + item.sent, 0); }
  get arrived() { return this.items.filter((item) => item.done).length; }
  get current() { return [...this.#running.keys()].at(-1); }

  // Resolves when every file has arrived or failed.
  run() {
    this.#hasher = new Hasher();
    return new Promise((done) => {
      this.#finished = () => { this.#hasher.end(); done(); };
      this.#fill();
    });
  }

  pause() {
    this.isPaused = true;
    for (const upload of this.#running.values()) upload.abort();
    this.#events.changed();
  }

  resume() {
    this.isPaused = false;
    for (const upload of this.#running.values()) upload.start();
    this.#fill();
    this.#events.changed();
  }

  // Stops, and tells the server to forget what is not whole.
  async cancel() {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const item of this.items) item.isOver = true;
    await Promise.allSettled(running.map((upload) => upload.abort(true)));
    this.#finished();
  }

  #fill() {
    if (this.isPaused) return;
    for (const item of this.items) {
      if (this.#running.size >= AT_ONCE) return;
      if (!item.done && !item.isOver && !this.#running.has(item)) this.#start(item);
    }
    if (!this.#running.size) this.#finished();
  }

  #start(item) {
    const { file } = item;
    const isSmall = file.size <= SMALL;
    const digest = this.#hasher.of(file);
    let damages = 0;
    const upload = new tus.Upload(file, {
      endpoint: this.#endpoint,
      uploadUrl: item.url ?? null,
      metadata: { path: item.path },
      chunkSize: CHUNK,
      uploadDataDuringCreation: isSmall,
      retryDelays: DELAYS,
      storeFingerprintForResuming: false,  // the page keeps its own list, of the whole folder
      // An announcement whose answer got lost leads to the same upload again.
      headers: { "Idempotency-Key": item.key, ...CSRF },
      onBeforeRequest: async (request) => {
        const offset = request.getMethod() === "POST" ? (isSmall ? 0 : null) : request.getHeader("Upload-Offset");
        if (offset == null || Number(offset) + CHUNK < file.size) return;
        const whole = await digest;
        if (whole) request.setHeader("Repr-Digest", whole);
      },
      onUploadUrlAvailable: () => { item.url = upload.url; this.#events.changed(); },
      onProgress: (sent) => { item.sent = sent; item.trouble = null; this.#events.changed(); },
      onShouldRetry: (error, attempt) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        const isLasting = status >= 400 && status < 500 && ![409, 423, 429, CHECKSUM_MISMATCH].includes(status);
        if (isLasting || (status === CHECKSUM_MISMATCH && (damages += 1) > 2)) return false;
        item.trouble = { reason: reasonOf(status, error.originalResponse?.getBody() ?? "", this.#language), until: Date.now() + DELAYS[attempt] };
        this.#events.changed();
        return true;
      },
      onSuccess: () => { Object.assign(item, { done: true, sent: file.size, trouble: null }); this.#next(item); },
      onError: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        item.isOver = true;
        item.sent = file.size;
        this.#events.failed(item, reasonOf(status, error.originalResponse?.getBody() ?? "", this.#language));
        this.#next(item);
      },
    });
    this.#running.set(item, upload);
    upload.start();
  }

  #next(item) {
    this.#running.delete(item);
    this.#events.changed();
    this.#fill();
  }
}
