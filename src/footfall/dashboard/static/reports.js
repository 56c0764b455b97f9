// A report that is being made: its page is asked for again until it has ended. And an estimate of a form that was changed.
import { offerCopies } from "./forms.js";
import { writeLocally } from "./local.js";
import { offerNumbers } from "./numbers.js";

const PERIOD_MS = 1000;

export function watchReports() {
  for (const form of document.querySelectorAll("form[data-outdates]")) {
    form.addEventListener("input", () => document.getElementById(form.dataset.outdates)?.remove());
  }
  if (document.querySelector('[data-live="running"]')) setTimeout(refresh, PERIOD_MS);
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("[data-live]")) return location.reload();
    // With what its numbers are, and up to when they count.
    for (const place of ["[data-live]", ".foot"]) {
      const found = page.querySelector(place);
      writeLocally(found);
      offerCopies(found);
      offerNumbers(found);
      document.querySelector(place).replaceWith(found);
    }
  } catch {
    // The service is away for a moment: the next time may do.
  }
  if (document.querySelector('[data-live="running"]')) setTimeout(refresh, PERIOD_MS);
}
