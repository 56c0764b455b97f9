// footfall.js: sends usage events from a page. No cookies, no fingerprint; what it keeps is the events, in localStorage.
//
//   import { Footfall } from "https://events.example.com/footfall.js";
//   const footfall = new Footfall({ customer: "ACME", product: "SHOP" });
//   footfall.track("SHOP-OPENED", ["ada"]);
//
// A batch that is sealed never changes, and is sent with its key until it is answered: the service counts it once,
// whichever page sends it, however often. Only the page that began an open batch adds to it.

const AGE = 2000; // ms that events wait for others
const BYTES = 50000; // of a batch: browsers send 64 KiB after a page is left
const ORPHAN = 300000; // ms after which the open batch of another page was left behind: its own seals it in seconds
const PAUSE = 300000; // ms, the longest pause after failures

const uuid = () =>
  crypto.randomUUID
    ? crypto.randomUUID()
    : [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// localStorage, or memory where the browser has none for this page.
function openStore() {
  try {
    localStorage.setItem("footfall", "1");
    localStorage.removeItem("footfall");
    return localStorage;
  } catch {
    const map = new Map();
    return {
      get length() { return map.size; },
      key: (at) => [...map.keys()][at],
      getItem: (name) => map.get(name) ?? null,
      setItem: (name, text) => map.set(name, text),
      removeItem: (name) => map.delete(name),
    };
  }
}

export class Footfall {
  // url: the service; else where this file came from. key: a write key, where the customer asks for one; everyone sees it.
  // batches: how many may wait; the oldest are dropped.
  // onresult: called with {sent}, {refused, problems}, {dropped} or {failed, status}.
  constructor({ url = new URL(".", import.meta.url).href, key, customer, product, version, batches = 40, onresult } = {}) {
    Object.assign(this, { url: url.replace(/\/?$/, "/events"), customer, product, version, batches, onresult });
    this.prefix = `footfall ${this.url} `;
    if (key) this.url += `?key=${encodeURIComponent(key)}`;
    this.store = openStore();
    this.failures = this.wait = 0;
    this.busy = new Map();
    addEventListener("pagehide", () => this.leave());
    addEventListener("online", () => this.flush());
    this.later(0);
  }

  // Keep an event, to be sent within seconds.
  track(type, context = [], { timestamp = Date.now(), ...codes } = {}) {
    const { customer, product, version } = this;
    const event = { customer, product, version, ...codes, type, timestamp, context };
    // Another page may have taken this one for gone, and its batch with it; then a new one begins.
    let text = this.name && this.store.getItem(this.name);
    if (text && text.length > BYTES) text = this.seal(this.name);
    if (!text) this.name = `${this.prefix}open ${Date.now()} ${uuid()}`;
    const line = JSON.stringify(event);
    this.write(this.name, text ? `${text},\n${line}` : line);
    this.later(AGE);
  }

  // Send what waits now. Resolves when each batch was answered, or failed and waits for its next try.
  async flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.sealAll();
    const found = await Promise.all(this.names("sealed").slice(0, 4).map((name) => this.send(name)));
    if (found.some((done) => !done)) this.later(this.pause());
    else if (this.names("sealed").length) return this.flush();
  }

  // Batches by their state, the oldest first.
  names(state) {
    const all = Array.from({ length: this.store.length }, (_, at) => this.store.key(at));
    return all.filter((name) => name?.startsWith(this.prefix + state)).sort();
  }

  sealAll() {
    for (const name of this.names("open")) {
      if (name === this.name || Date.now() - name.split(" ").at(-2) > ORPHAN) this.seal(name);
    }
  }

  // Its name has the time, which puts batches in order, and the key: both stay.
  seal(name) {
    const text = this.store.getItem(name);
    if (text) this.write(name.replace(" open ", " sealed "), text);
    this.store.removeItem(name);
    if (name === this.name) this.name = null;
  }

  write(name, text) {
    const old = this.names("sealed");
    for (;;) {
      try {
        if (old.length < this.batches) return this.store.setItem(name, text);
      } catch {
        if (!old.length) return this.tell({ dropped: text.split("\n").length });
      }
      const dropped = old.shift();
      this.tell({ dropped: this.store.getItem(dropped)?.split("\n").length });
      this.store.removeItem(dropped);
    }
  }

  // Whether the batch is done with; only one try of it is under way.
  send(name) {
    const text = this.store.getItem(name);
    if (!text) return true;
    const ended = () => this.busy.delete(name);
    if (!this.busy.has(name)) this.busy.set(name, this.try(name, text).finally(ended));
    return this.busy.get(name);
  }

  async try(name, text) {
    let status = (this.wait = 0);
    try {
      const answer = await this.post(name, text);
      status = answer.status;
      const body = await answer.json();
      if (status === 200) {
        this.failures = 0;
        this.store.removeItem(name);
        this.tell({ sent: text.split("\n").length });
        return true;
      }
      if (status === 400) return this.sort(name, text.split(",\n"), body[0].children);
      this.wait = +answer.headers.get("retry-after") * 1000;
    } catch {
      // No answer: unknown, so the same again later.
    }
    this.failures += 1;
    this.tell({ failed: text.split("\n").length, status });
    return false;
  }

  post(name, text) {
    return fetch(this.url, {
      method: "POST",
      body: `{"events":[${text}]}`,
      headers: { "content-type": "application/json", "idempotency-key": name.split(" ").pop() },
      credentials: "omit",
      keepalive: true,
    });
  }

  // Leave out the events that were refused. The rest is another batch; its key follows from the first one, for two pages
  // may do this at once.
  sort(name, lines, children) {
    const wrong = new Set(children.map((child) => child.value.data?.index));
    const rest = lines.filter((_, at) => !wrong.has(at));
    if (rest.length === lines.length) throw new Error("no event was named");
    this.tell({ refused: lines.length - rest.length, problems: children.map((child) => child.value.message) });
    this.store.removeItem(name);
    if (rest.length) this.write(`${name}r`, rest.join(",\n"));
    return true;
  }

  // The page is left. What is answered too late stays, and is sent again by the next page with the same key.
  leave() {
    this.sealAll();
    for (const name of this.names("sealed").slice(-1)) {
      const text = this.store.getItem(name);
      if ("keepalive" in Request.prototype) this.send(name);
      else if (navigator.sendBeacon(this.url, `{"events":[${text}]}`)) this.store.removeItem(name);
    }
  }

  pause() {
    const grown = Math.min(PAUSE, 1000 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    return Math.max(grown, this.wait || 0);
  }

  later(ms) {
    this.timer ||= setTimeout(() => this.flush(), ms);
  }

  tell(result) {
    if (result.refused || result.dropped) console.warn("footfall", result);
    this.onresult?.(result);
  }
}
