// Numbers and times in the browser's language. The server writes them in English, so that nothing jumps where that is it.
const language = navigator.languages?.[0];
const isEnglish = /^en\b/i.test(language ?? "en");
const whole = new Intl.NumberFormat(language);
const digits = new Map();

const DATE = { year: "numeric", month: "short", day: "numeric" };
const CLOCK = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...CLOCK, second: "2-digit" };
// What the name of a time on an axis has.
const AXIS = { year: { year: "numeric" }, month: { month: "short" }, day: { day: "numeric" }, clock: CLOCK };
const NUMBER = /\d[\d,]*(?:\.(\d+))?/g;

export function writeNumber(value) {
  return whole.format(Number(value));
}

export function writeLocally(place) {
  for (const data of place.querySelectorAll("data[value]")) data.textContent = writeNumber(data.value);
  for (const time of place.querySelectorAll("time[datetime]")) {
    const parts = { date: DATE, second: { ...DATE, ...SECONDS } }[time.dataset.kind] ?? { ...DATE, ...CLOCK };
    const zone = time.dataset.zone;
    time.textContent = new Intl.DateTimeFormat(language, { ...parts, timeZone: zone }).format(new Date(time.dateTime));
    time.title = `${time.dateTime}, ${zone}`;
  }
  for (const time of place.querySelectorAll("time[data-local]")) {
    const { local, interval } = time.dataset;
    const parts = { minute: { ...DATE, ...CLOCK }, hour: { ...DATE, ...CLOCK }, month: { year: "numeric", month: "long" } };
    const format = new Intl.DateTimeFormat(language, { ...(parts[interval] ?? DATE), timeZone: "UTC" });
    time.textContent = format.format(new Date(Number(local)));
  }
  if (!isEnglish) translate(place);
}

// Numbers in few characters (12.3k, 45.0 %, 3 min), and those and the times of an axis.
function translate(place) {
  for (const text of place.querySelectorAll(".number:not([data-own]), text.quantity:not([data-own])")) {
    text.dataset.own = "yes";
    if (text.childElementCount === 0) text.textContent = text.textContent.replace(NUMBER, translated);
  }
  for (const text of place.querySelectorAll("text[data-local]")) {
    const parts = Object.assign({}, ...text.dataset.parts.split(" ").map((name) => AXIS[name]));
    const format = new Intl.DateTimeFormat(language, { ...parts, timeZone: "UTC" });
    text.textContent = format.format(new Date(Number(text.dataset.local)));
  }
}

function translated(text, fraction = "") {
  const count = fraction.length;
  if (!digits.has(count)) {
    const fixed = { minimumFractionDigits: count, maximumFractionDigits: count };
    digits.set(count, new Intl.NumberFormat(language, fixed));
  }
  return digits.get(count).format(Number(text.replaceAll(",", "")));
}
