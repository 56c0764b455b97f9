// What a number stands on, shown while it is pointed at or has the focus; Enter leads into it, Escape closes it.
import { copy } from "./forms.js";
import { writeLocally, writeNumber } from "./local.js";

const SHOWN_AFTER_MS = 250;
const NUMBER = "[data-number]";
let card = null;
let owner = null;
let wait = 0;

export function watchNumbers() {
  offerNumbers(document);
  document.addEventListener("pointerover", (event) => {
    const number = event.target.closest(NUMBER);
    if (number === owner || card?.contains(event.target)) clearTimeout(wait);
    else if (number) later(() => open(number));
  });
  document.addEventListener("pointerout", (event) => {
    const from = event.target.closest(NUMBER);
    if (!from && !card?.contains(event.target)) return;
    const to = event.relatedTarget;
    if (from?.contains(to) || (card && (card.contains(to) || owner.contains(to) || card.contains(document.activeElement)))) return;
    later(close);
  });
  document.addEventListener("focusin", (event) => {
    const number = event.target.closest(NUMBER);
    if (number) open(number);
    else if (!card?.contains(event.target)) close();
  });
  document.addEventListener("focusout", (event) => {
    if (event.target === owner && !card?.contains(event.relatedTarget)) later(close);
  });
  document.addEventListener("click", (event) => {
    const number = event.target.closest(NUMBER);
    // A link that is a number leads on.
    if (!number || number.matches("a")) return;
    open(number);
    card?.querySelector("a[href], button:not([hidden])")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && card) leave();
    else if (event.target.matches?.(`table ${NUMBER}`)) step(event);
  });
}

// The numbers of a table are one stop of the Tab key, from which arrow keys lead to the others.
export function offerNumbers(place) {
  for (const number of place.querySelectorAll(`button${NUMBER}`)) {
    const table = number.closest("table");
    number.tabIndex = table && table.querySelector(NUMBER) !== number ? -1 : 0;
    number.setAttribute("aria-haspopup", "dialog");
  }
}

function later(act) {
  clearTimeout(wait);
  wait = setTimeout(act, SHOWN_AFTER_MS);
}

function open(number) {
  clearTimeout(wait);
  const template = document.querySelector("template#explanation");
  if (owner === number || !template) return;
  close();
  owner = number;
  card = template.content.firstElementChild.cloneNode(true);
  fill(number);
  document.body.append(card);
  number.setAttribute("aria-expanded", "true");
  place(number);
}

function close() {
  clearTimeout(wait);
  card?.remove();
  owner?.removeAttribute("aria-expanded");
  card = owner = null;
}

function leave() {
  const number = owner;
  if (card.contains(document.activeElement)) number.focus();
  close();
}

function step(event) {
  const cell = event.target.closest("td, th");
  const rows = [...cell.closest("table").rows];
  const at = rows.indexOf(cell.parentElement);
  const beside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const further = { ArrowUp: rows.slice(0, at).reverse(), ArrowDown: rows.slice(at + 1) }[event.key];
  let next;
  if (beside) {
    const all = [...cell.parentElement.querySelectorAll(NUMBER)];
    next = all[all.indexOf(event.target) + beside];
  } else if (further) {
    next = further.map((row) => row.cells[cell.cellIndex]?.querySelector(NUMBER)).find(Boolean);
  } else return;
  event.preventDefault();
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function fill(number) {
  const notes = document.querySelector(".notes");
  const definition = notes.querySelector(`[data-definition="${CSS.escape(number.dataset.number)}"]`);
  card.querySelector(".definition").textContent = definition?.textContent ?? "";
  card.querySelector(".source").textContent = definition?.nextElementSibling.textContent ?? "";
  const value = number.querySelector("data")?.value ?? number.dataset.value;
  for (const [name, fact] of Object.entries({ value, duplicates: number.dataset.duplicates, late: number.dataset.late })) {
    for (const part of card.querySelectorAll(`.${name}`)) part.hidden = fact === undefined;
    if (fact !== undefined) card.querySelector(`dd.${name}`).textContent = writeNumber(fact);
  }
  offerReport(number, notes.dataset, definition?.dataset.source === "events");
  writeLocally(card);
}

// The report with exactly the number's events, where it has them to itself; else that of all the page's events.
function offerReport(number, { report, form, url, user }, isOfEvents) {
  const place = card.querySelector(".report");
  const own = number.dataset.report;
  const body = own ?? (isOfEvents ? report : "");
  place.hidden = !body;
  if (!body) return;
  place.querySelector(".own").hidden = own === undefined;
  place.querySelector(".whole").hidden = own !== undefined;
  const [path, query] = form.split("?");
  const parameters = new URLSearchParams(query);
  new URLSearchParams(number.dataset.only).forEach((value, name) => parameters.set(name, value));
  place.querySelector("a").href = `${path}?${parameters}`;
  const command = `curl -u ${quote(user)} ${url}/reports -H 'content-type: application/json' -d ${quote(body)}`;
  place.querySelector(".copy").addEventListener("click", (event) => copy(event.currentTarget, command));
}

function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function place(number) {
  const box = number.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const left = Math.max(16, Math.min(box.left, width - card.offsetWidth - 16));
  const below = box.bottom + 8 + card.offsetHeight < innerHeight || box.top < card.offsetHeight + 16;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(below ? box.bottom + 8 : box.top - card.offsetHeight - 8) + scrollY}px`;
}
