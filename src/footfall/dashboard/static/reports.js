// A report that is being made: its page is asked for again until it has ended. And an estimate of a form that was changed.
import { offerCopies } from "./forms.js";
import { writeLocally } from "./local.js";

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
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (!found) return location.reload();
    writeLocally(found);
    offerCopies(found);
    document.querySelector("[data-live]").replaceWith(found);
  } catch {
    // The service is away for a moment: the next time may do.
  }
  if (document.querySelector('[data-live="running"]')) setTimeout(refresh, PERIOD_MS);
}
