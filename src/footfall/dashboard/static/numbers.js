// What a number stands on, shown while it is pointed at or has the focus; Enter leads into it, Escape closes it.
import { copy } from "./forms.js";
import { writeLocally, writeNumber } from "./local.js";

const SHOWN_AFTER_MS = 250;

export function watchNumbers() {
  const template = document.querySelector("template#explanation");
  if (!template) return;
  let card = null;
  let owner = null;
  let wait = 0;

  function close() {
    clearTimeout(wait);
    card?.remove();
    owner?.removeAttribute("aria-expanded");
    card = owner = null;
  }

  function open(number) {
    if (owner === number) return;
    close();
    owner = number;
    card = template.content.firstElementChild.cloneNode(true);
    fill(card, number);
    document.body.append(card);
    number.setAttribute("aria-expanded", "true");
    place(card, number);
    card.addEventListener("pointerleave", leave);
  }

  function leave(event) {
    clearTimeout(wait);
    const to = event.relatedTarget;
    if (card && (card.contains(to) || owner === to || card.contains(document.activeElement))) return;
    wait = setTimeout(close, SHOWN_AFTER_MS);
  }

  for (const number of document.querySelectorAll("[data-number]")) {
    number.setAttribute("aria-haspopup", "dialog");
    number.addEventListener("pointerenter", () => {
      clearTimeout(wait);
      wait = setTimeout(() => open(number), SHOWN_AFTER_MS);
    });
    number.addEventListener("pointerleave", leave);
    number.addEventListener("focus", () => open(number));
    number.addEventListener("blur", leave);
    number.addEventListener("click", () => {
      open(number);
      card.querySelector("button:not([hidden])")?.focus();
    });
  }
  document.addEventListener("pointerover", (event) => { if (card?.contains(event.target)) clearTimeout(wait); });
  document.addEventListener("focusin", (event) => {
    if (card && event.target !== owner && !card.contains(event.target)) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !card) return;
    const number = owner;
    const inside = card.contains(document.activeElement);
    close();
    if (inside) number.focus();
    close();
  });
}

function fill(card, number) {
  const notes = document.querySelector(".notes");
  const definition = notes.querySelector(`[data-definition="${CSS.escape(number.dataset.number)}"]`);
  card.querySelector(".definition").textContent = definition?.textContent ?? "";
  card.querySelector(".value").textContent = writeNumber(number.dataset.value);
  for (const name of ["duplicates", "late"]) {
    const fact = number.dataset[name];
    for (const part of card.querySelectorAll(`.${name}`)) part.hidden = fact === undefined;
    if (fact !== undefined) card.querySelector(`dd.${name}`).textContent = writeNumber(fact);
  }
  const body = number.dataset.report ?? "";
  const report = card.querySelector(".report");
  report.hidden = body === "";
  const { url, user } = notes.dataset;
  const command = `curl -u ${quote(user)} ${url}/reports -H 'content-type: application/json' -d ${quote(body)}`;
  report.querySelector(".copy").addEventListener("click", (event) => copy(event.currentTarget, command));
  writeLocally(card);
}

function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function place(card, number) {
  const box = number.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const left = Math.max(16, Math.min(box.left, width - card.offsetWidth - 16));
  const below = box.bottom + 8 + card.offsetHeight < innerHeight || box.top < card.offsetHeight + 16;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(below ? box.bottom + 8 : box.top - card.offsetHeight - 8) + scrollY}px`;
}
