// Tips of charts over time, from the table beside each: by pointer, finger or arrow keys.
export function watchCharts(place) {
  for (const figure of place.querySelectorAll("figure[data-chart]")) watch(figure);
}

function watch(figure) {
  const plot = figure.querySelector("svg");
  const rows = [...figure.querySelectorAll("table tbody tr")];
  const names = [...figure.querySelectorAll("table thead th")].slice(1).map((cell) => cell.textContent);
  if (!plot || rows.length === 0) return;
  const isBars = figure.dataset.chart === "bar";
  const guide = add(figure, "guide");
  const tip = add(figure, "tip");
  tip.setAttribute("role", "status");
  let shown = -1;

  function part(at) {
    if (isBars) return (at + 0.5) / rows.length;
    return rows.length > 1 ? at / (rows.length - 1) : 0.5;
  }

  function show(at) {
    shown = Math.max(0, Math.min(rows.length - 1, at));
    const [head, ...cells] = rows[shown].cells;
    tip.replaceChildren(make("b", head.textContent));
    cells.forEach((cell, place) => {
      if (!cell.textContent) return;
      const line = make("span", names[place]);
      line.append(make("strong", cell.textContent));
      tip.append(line);
    });
    guide.hidden = tip.hidden = false;
    const width = plot.clientWidth || figure.clientWidth;
    const beside = plot.getBoundingClientRect().left - figure.getBoundingClientRect().left;
    const x = beside + part(shown) * width;
    guide.style.left = `${x}px`;
    guide.style.top = "12px";
    guide.style.height = "240px";
    const left = x > width / 2 ? x - tip.offsetWidth - 12 : x + 12;
    tip.style.left = `${Math.max(0, Math.min(beside + width - tip.offsetWidth, left))}px`;
    tip.style.top = "24px";
  }

  function hide() {
    guide.hidden = tip.hidden = true;
    shown = -1;
  }

  hide();
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    show(isBars ? Math.floor(x * rows.length) : Math.round(x * (rows.length - 1)));
  });
  plot.addEventListener("pointerleave", hide);
  figure.addEventListener("blur", hide);
  figure.addEventListener("keydown", (event) => {
    if (event.target !== figure) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      show(shown < 0 ? rows.length - 1 : shown + step);
      event.preventDefault();
    } else if (event.key === "Escape") hide();
  });
}

function add(figure, kind) {
  const found = document.createElement("div");
  found.className = kind;
  figure.append(found);
  return found;
}

function make(tag, text) {
  const found = document.createElement(tag);
  found.textContent = text;
  return found;
}
