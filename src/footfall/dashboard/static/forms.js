// Forms that are sent by a change, buttons that copy, menus that close, and a sign that the next page is on its way.
export function watchForms() {
  for (const field of document.querySelectorAll("input[data-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
  for (const link of document.querySelectorAll("a[data-zone-link]")) {
    link.search += `&timezone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}`;
  }
  for (const list of document.querySelectorAll("datalist#zones")) {
    for (const zone of ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])]) list.append(new Option(zone, zone));
  }
  for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
    form.addEventListener("change", (event) => {
      // What is made of several fields is sent by the button.
      if (!event.target.closest("[data-keep]")) form.requestSubmit();
    });
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, button.dataset.copy));
  }
  offerCopies(document);
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll(".drop[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
    const link = event.target.closest?.("a[href]");
    if (link && !link.target && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey) begin(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll(".drop[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });
  document.addEventListener("submit", (event) => begin(event.target));
  addEventListener("pageshow", (event) => {
    document.querySelector(".progress")?.remove();
    // A page that was kept whole has what was chosen when it was left: its address, and its answer, say something else.
    if (event.persisted) for (const form of document.querySelectorAll("form[method=get]")) form.reset();
  });
}

// The buttons of commands in a place, which may have come later than the page.
export function offerCopies(place) {
  for (const button of place.querySelectorAll(".command .copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, button.parentElement.querySelector("code").textContent));
  }
}

export async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, 1500);
}

function begin(from) {
  const target = new URL(from.href ?? from.action, location.href);
  if (target.origin !== location.origin || (target.hash && target.pathname === location.pathname)) return;
  if (document.querySelector(".progress")) return;
  const bar = document.createElement("div");
  bar.className = "progress";
  document.body.append(bar);
}
