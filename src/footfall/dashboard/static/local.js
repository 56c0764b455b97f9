// Numbers and times in the browser's language.
const language = navigator.languages?.[0];
const whole = new Intl.NumberFormat(language);

const DATE = { year: "numeric", month: "short", day: "numeric" };
const CLOCK = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...CLOCK, second: "2-digit" };

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
}
