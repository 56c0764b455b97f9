"""Templates: rendered with the texts, the links and what every page shows."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from footfall import windows
from footfall.dashboard.address import PageAddress
from footfall.dashboard.assets import Assets
from footfall.dashboard.charts import name_time
from footfall.dashboard.commands import answer_command
from footfall.dashboard.explanation import Numbers, marked_number
from footfall.dashboard.form import TOKEN_FIELD
from footfall.dashboard.texts import text
from footfall.dashboard.visit import PageEntry, Rendered, Visit
from footfall.dashboard.words import file_size, fill, seconds, some

_SECOND_MS: Final = 1_000
# Changes by more than so many times are told in times, and those of less than so many percent with a decimal.
_TIMES_FROM: Final = 10
_WHOLE_FROM: Final = 1
# Where a large number becomes a short one: 1.2M.
_SHORT: Final = ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k"))


class Renderer:
    """Renders the templates of `templates/`, which escape everything that is not markup of ours."""

    def __init__(self, pages: Sequence[PageEntry], assets: Assets) -> None:
        self._pages = [page for page in pages if page.nav]
        self._assets = assets
        self._templates = Environment(
            loader=PackageLoader("footfall.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(t=text)
        for each in (change, duration, local, share, short):
            self._templates.filters[each.__name__] = each
        self._templates.filters.update(
            count=marked_number, size=file_size, some=some, seconds=seconds, fill=fill, numbered=numbered
        )

    def render(self, visit: Visit, shown: Rendered, form_token: str) -> str:
        """The page of a template."""
        user = visit.signed_in.user if visit.signed_in else None
        numbers = Numbers()
        common: dict[str, Any] = {
            "visit": visit,
            "user": user,
            "address": visit.address,
            "path": visit.path,
            "asset": lambda name: visit.path(f"/dashboard/assets/{self._assets.hash}/{name}"),
            "navigation": [page for page in self._pages if user and page.may_open(user)],
            "form_token": Markup(f'<input type="hidden" name="{TOKEN_FIELD}" value="{form_token}">'),  # noqa: S704 - hex
            "moment": lambda time_ms, kind="time": moment(time_ms, visit.zone, kind),
            "hidden": hidden_fields,
            "answer_command": lambda link: answer_command(visit.base_url, link),
            "numbers": numbers,
            "number": numbers.write,
            "number_marks": numbers.marks,
        }
        return self._templates.get_template(shown.template).render({**common, **shown.values})


@pass_context
def numbered(context: Context, sentence: str, name: str) -> Markup:
    """A sentence, each of whose numbers explains itself by that definition."""
    numbers: Numbers = context["numbers"]
    return numbers.within(sentence, name)


def short(number: float) -> str:
    """A number in few characters: `950`, `9,950`, `12.3k`, `4.5M`."""
    for size, sign in _SHORT:
        if abs(number) >= size:
            return f"{number / (1000 if sign == 'k' else size):.1f}".removesuffix(".0") + sign
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def local(local_ms: int, interval: str) -> str:
    """A time by the zone's clock (ms, as if of UTC), as the heads of tables name it."""
    return name_time(local_ms, interval, year=interval not in ("minute", "hour"))


def duration(length_ms: float) -> str:
    """A length of time in its two largest units: `850 ms`, `12 s`, `3 min 20 s`, `2 d 4 h`."""
    if length_ms < _SECOND_MS:
        return f"{length_ms:.0f} ms"
    seconds = round(length_ms / _SECOND_MS)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        whole, seconds = divmod(seconds, size)
        parts.append((whole, unit))
    first = next(at for at, (whole, _) in enumerate(parts) if whole)
    return " ".join(f"{whole} {unit}" for whole, unit in parts[first : first + 2] if whole)


def share(part: float, whole: float) -> str:
    """A part of a whole in percent: `12.5 %`, `3.0 %`, so that they align; empty where there is no whole."""
    if not whole:
        return ""
    is_whole = part in (0, whole)
    return f"{100 * part / whole:.{0 if is_whole else 1}f} %"


def change(now: float, before: float) -> str:
    """The change since before: `+12 %`, `-3 %`, and in times above tenfold; empty where nothing was before."""
    if not before:
        return ""
    if now > _TIMES_FROM * before:
        return f"\N{MULTIPLICATION SIGN}{short(round(now / before))}"
    found = 100 * (now - before) / before
    written = f"{found:+.0f} %" if abs(found) >= _WHOLE_FROM else f"{found:+.1f} %"
    return written.replace("-", "\N{MINUS SIGN}").replace(".0 %", " %").replace("+0 %", "0 %")


def moment(time_ms: int, zone: str, kind: str) -> Markup:
    """A time by the zone's clock, as `time`, `date` or `second`; a script writes it in the browser's language."""
    timezone = windows.zone(zone) or ZoneInfo("UTC")
    local = windows.local_text(timezone, time_ms)
    if not windows.is_in_calendar(time_ms):
        return escape(local)
    exact = dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    plain = local[: {"date": 10, "second": 19}.get(kind, 16)]
    return Markup('<time datetime="{}" data-zone="{}" data-kind="{}">{}</time>').format(
        exact, timezone.key, kind, plain
    )


def hidden_fields(address: PageAddress, *without: str) -> Markup:
    """The address's parameters as hidden fields of a form that changes others."""
    pairs = [(name, value) for name, value in address.pairs if name not in without]
    return Markup("").join(
        Markup('<input type="hidden" name="{}" value="{}">').format(escape(name), escape(value))
        for name, value in pairs
    )
