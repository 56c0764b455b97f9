// Numbers that take long to count: the page is shown without them, and is asked for again, to wait for them.
import { watchCharts } from "./charts.js";
import { offerCopies } from "./forms.js";
import { writeLocally } from "./local.js";
import { offerNumbers } from "./numbers.js";

// All that tells numbers, so that they have one watermark. What has the focus is hardly among them.
const PARTS = ["ul.tiles", "figure[data-chart]", "div.grid", "footer.foot"];

export async function completePage() {
  const places = document.querySelectorAll("[data-later]");
  if (places.length === 0) return;
  let page;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html", prefer: "wait" } });
    if (!answer.ok) throw new Error(answer.statusText);
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    // The links lead to a page that says why.
    for (const place of places) place.textContent = place.dataset.later;
    return;
  }
  for (const part of PARTS) {
    const found = page.querySelector(part);
    const shown = document.querySelector(part);
    if (!found || !shown) continue;
    writeLocally(found);
    offerCopies(found);
    offerNumbers(found);
    shown.replaceWith(found);
  }
  watchCharts(document);
}
