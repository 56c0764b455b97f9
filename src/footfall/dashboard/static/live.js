// Events as they arrive: a bounded number of rows, the newest first, written a few times a second at the most.
import { writeLocally, writeNumber } from "./local.js";

const WRITE_MS = 150;
const FOR_GOOD = ["user-changed"];

export function watchLive() {
  const place = document.querySelector("[data-stream]");
  if (place) new LivePage(place).begin();
}

class LivePage {
  constructor(place) {
    this.place = place;
    this.most = Number(place.dataset.rows);
    this.keys = JSON.parse(place.dataset.keys);
    this.body = place.querySelector(".live-rows tbody");
    this.refused = document.querySelector(".live-refused tbody");
    this.state = place.querySelector(".live-state .state");
    this.button = place.querySelector(".live-pause");
    this.counter = place.querySelector(".live-state data");
    this.seen = new Set([...this.body.querySelectorAll("[data-event]")].map((row) => row.dataset.event));
    this.waiting = [];
    this.unshown = new Map();
    this.count = this.held = 0;
    this.timer = 0;
    this.paused = false;
  }

  text(name) { return this.place.getAttribute(`data-text-${name}`); }

  begin() {
    this.place.querySelector(".live-state").hidden = false;
    this.button.textContent = this.text("pause");
    this.button.addEventListener("click", () => this.pause(!this.paused));
    this.listen();
    // A page that the browser had kept whole is shown again as it was left, without its stream.
    addEventListener("pageshow", (event) => { if (event.persisted) this.listen(); });
    addEventListener("pagehide", () => this.source.close());
  }

  listen() {
    this.say("connecting");
    const source = this.source = new EventSource(this.place.dataset.stream);
    source.addEventListener("open", () => this.say("connected"));
    source.addEventListener("message", (message) => this.add(() => this.eventRow(JSON.parse(message.data)), 1));
    source.addEventListener("refused", (message) => this.add(() => this.eventRow(JSON.parse(message.data), true), 1));
    source.addEventListener("refusals", (message) => this.refuse(JSON.parse(message.data)));
    source.addEventListener("dropped", (message) => this.add(() => this.gapRow(JSON.parse(message.data)), 0));
    source.addEventListener("end", (message) => this.end(JSON.parse(message.data)));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.say("gone");
      else if (!this.why) this.say("away");
      this.why = "";
    });
  }

  say(name, more = "") {
    this.said = more || this.text(name);
    if (!this.paused) this.state.textContent = this.said;
    this.state.classList.toggle("complete", name === "connected");
  }

  end({ reason, text }) {
    this.why = reason;
    this.say(reason, text);
    if (FOR_GOOD.includes(reason)) this.source.close();
  }

  add(make, number) {
    this.count += number;
    this.waiting.push(make);
    if (this.waiting.length > this.most) this.waiting.shift();
    if (!this.timer) this.timer = setTimeout(() => this.write(), WRITE_MS);
  }

  write() {
    this.timer = 0;
    this.counter.value = String(this.count);
    this.counter.textContent = writeNumber(this.count);
    if (this.paused) {
      this.state.textContent = `${this.text("paused")} ${writeNumber(this.waiting.length)}`;
      return;
    }
    const rows = this.waiting.map((make) => make()).filter(Boolean).reverse();
    this.waiting = [];
    if (rows.length === 0) return;
    this.place.querySelector(".live-none")?.remove();
    const piece = document.createDocumentFragment();
    piece.append(...rows);
    this.body.prepend(piece);
    while (this.body.rows.length > this.most) {
      const last = this.body.lastElementChild;
      this.seen.delete(last.dataset.event);
      last.remove();
    }
  }

  pause(paused) {
    this.paused = paused;
    this.button.textContent = this.text(paused ? "go-on" : "pause");
    if (!paused) {
      this.state.textContent = this.said;
      const refused = [...this.unshown.values()];
      this.unshown.clear();
      refused.forEach((found) => this.refuse(found));
    }
    this.write();
  }

  eventRow(event, isHeld = false) {
    const id = `${event.batch}/${event.sequence}`;
    if (this.seen.has(id)) return null;
    this.seen.add(id);
    const row = make("tr", "", "fresh");
    row.dataset.event = id;
    const head = this.headOf(event, isHeld);
    const context = make("td", "", "context");
    const names = this.keys[event.product]?.[event.type] ?? [];
    event.context.forEach((value, at) => {
      if (value) context.append(make("span", names[at] ?? String(at + 1), "faint"), " ", make("code", value), " ");
    });
    if (isHeld) this.reasons(context, event);
    context.append(this.details(event));
    row.append(this.timeCell(event.received), head, context);
    writeLocally(row);
    return row;
  }

  headOf(event, isHeld = false) {
    const head = make("th", event.type);
    head.scope = "row";
    if (isHeld) head.append(" ", make("span", this.text("held"), "state failed"));
    head.append(make("br"), make("span", `${event.product} ${this.text("of")} ${event.customer}`, "faint small"));
    return head;
  }

  reasons(cell, event) {
    const link = make("a", event.code);
    link.href = `${this.place.dataset.held}${event.batch}/${event.sequence}`;
    cell.append(make("br"), make("code", event.where), ` ${event.reason} `, link);
  }

  details(event) {
    const found = make("details");
    const list = make("dl", "", "pairs");
    for (const name of ["timestamp", "received", "admitted", "version", "sequence"]) {
      if (!event[name]) continue;
      const value = make("dd", name === "sequence" || name === "version" ? String(event[name]) : "");
      if (!value.textContent) value.append(this.time(event[name]));
      list.append(make("dt", this.text(name)), value);
    }
    const link = make("a", event.batch);
    link.href = `${this.place.dataset.batch}?batch=${encodeURIComponent(event.batch)}`;
    const batch = make("dd");
    batch.append(link);
    list.append(make("dt", this.text("batch")), batch);
    found.append(make("summary", this.text("details")), list);
    return found;
  }

  gapRow({ reason, events }) {
    const row = make("tr");
    const cell = make("td", `${this.text(reason === "gone" ? "missed" : reason)} ${events ? writeNumber(events) : ""}`, "gap");
    cell.colSpan = 3;
    row.append(cell);
    return row;
  }

  refuse(found) {
    if (!this.refused) return;
    const kind = JSON.stringify([found.customer, found.product, found.type, found.code, found.where, found.reason]);
    if (this.paused) this.keep(kind, found);
    else this.showRefused(kind, found);
  }

  // What is refused in a pause is shown after it: the numbers go on from those that stand there.
  keep(kind, found) {
    const events = found.events + (this.unshown.get(kind)?.events ?? 0);
    this.unshown.delete(kind);
    this.unshown.set(kind, { ...found, events });
    if (this.unshown.size > this.most) this.unshown.delete(this.unshown.keys().next().value);
    this.refused.dataset.waiting = String(this.unshown.size);
  }

  showRefused(kind, found) {
    let row = [...this.refused.rows].find((each) => JSON.stringify(JSON.parse(each.dataset.kind)) === kind);
    if (!row) {
      row = document.querySelector("#refused-row").content.firstElementChild.cloneNode(true);
      row.dataset.kind = kind;
      if (found.type) row.cells[1].replaceWith(this.headOf(found));
      else row.cells[1].textContent = found.code;
      if (found.where) row.cells[2].append(make("code", found.where), " ");
      row.cells[2].append(found.reason, make("br"), make("span", found.code, "faint small"));
    }
    const number = row.cells[3].querySelector("data");
    number.value = String(Number(number.value) + found.events);
    row.cells[0].replaceWith(this.timeCell(found.last));
    row.classList.add("fresh");
    this.refused.prepend(row);
    document.querySelector(".live-no-refused").hidden = true;
    while (this.refused.rows.length > this.most) this.refused.lastElementChild.remove();
    writeLocally(row);
  }

  time(ms) {
    const found = make("time");
    found.dateTime = new Date(ms).toISOString();
    found.dataset.zone = this.place.dataset.zone;
    found.dataset.kind = "second";
    return found;
  }

  timeCell(ms) {
    const cell = make("td");
    cell.append(this.time(ms));
    return cell;
  }
}

function make(tag, text = "", kind = "") {
  const found = document.createElement(tag);
  found.textContent = text;
  if (kind) found.className = kind;
  return found;
}
