"""The bodies of `POST /views` and `POST /shares`, and how they are read."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.reports import BodyReader, Part, check_keys
from footfall.settings import Settings
from footfall.usage import Statistics

NAME_CHARS_MAX = 200
# Values of a parameter: as many as types that a selection may name.
_CHARS_MAX = 16_384

Chart = Literal["", "line", "bar", "stacked", "table", "number"]
Call = Annotated[Statistics, Meta(description="The statistic: what stands behind `/usage/`.")]
Parameters = Annotated[
    dict[str, str | list[str]], Meta(description="The parameters of that call: a text, or several in an array.")
]
ShownAs = Annotated[Chart, Meta(description="How a page shows the numbers.")]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX, description="For people.")]


class ViewRequest(Struct, forbid_unknown_fields=True):
    """A view to save, over the one of the same name."""

    name: Name
    call: Call
    parameters: Parameters
    customer: (
        Annotated[str, Meta(min_length=1, description="All who may see this customer see the view.")] | UnsetType | None
    ) = UNSET
    chart: ShownAs = ""


class ShareRequest(Struct, forbid_unknown_fields=True):
    """A link to make: of a saved view, or of a statistic with its parameters."""

    view: Annotated[str, Meta(min_length=1, description="A view's name or id.")] | UnsetType | None = UNSET
    title: Name | UnsetType | None = UNSET
    call: Call | UnsetType | None = UNSET
    parameters: Parameters | UnsetType | None = UNSET
    chart: ShownAs = ""
    days: Annotated[int, Meta(ge=1, le=3660, description="For how long the link works.")] = 30
    origins: (
        Annotated[list[str], Meta(description="Origins whose pages may embed it, such as `https://wiki.example.com`.")]
        | UnsetType
        | None
    ) = UNSET


class Wanted(Struct, frozen=True, kw_only=True):
    """What a body asks for; `call` is empty where a view says it."""

    name: str = ""
    view: str = ""
    call: str = ""
    parameters: dict[str, list[str]] = {}
    customer: str = ""
    chart: str = ""
    days: int = 0
    origins: tuple[str, ...] = ()


def read_view(body: bytes, settings: Settings) -> Wanted:
    """What a body of `POST /views` asks for. Raises RequestRefused, naming everything that is wrong."""
    reader = BodyReader(settings, strict=True, goal="the view cannot be saved")
    found = reader.decode(body)
    check_keys(reader, found, ViewRequest)
    part = Part(reader, found, ViewRequest)
    wanted = Wanted(
        name=_name(part, "name", required=True),
        call=part.choice("call"),
        parameters=_parameters(reader, part),
        customer=part.code("customer") if part.value("customer") is not None else "",
        chart=part.choice("chart"),
    )
    reader.refuse()
    return wanted


def read_share(body: bytes, settings: Settings) -> Wanted:
    """What a body of `POST /shares` asks for. Raises RequestRefused, naming everything that is wrong."""
    reader = BodyReader(settings, strict=True, goal="the link cannot be made")
    found = reader.decode(body)
    check_keys(reader, found, ShareRequest)
    part = Part(reader, found, ShareRequest)
    has_view = part.value("view") is not None
    if has_view and (part.value("call") is not None or part.value("parameters") is not None):
        part.wrong("view", "says call and parameters: leave these out")
    if not has_view and part.value("call") is None:
        part.wrong("view", "is missing; name a view, or give call and parameters")
    wanted = Wanted(
        name=_name(part, "title", required=False),
        view=part.code("view") if has_view else "",
        call="" if has_view or part.value("call") is None else part.choice("call"),
        parameters={} if has_view else _parameters(reader, part),
        chart=part.choice("chart"),
        days=part.number("days", min(30, settings.share_days_max)),
        origins=_origins(part, settings),
    )
    if wanted.days > settings.share_days_max:
        part.wrong("days", f"must be {settings.share_days_max} at the most, as share_days_max says")
    reader.refuse()
    return wanted


def _name(part: Part, key: str, *, required: bool) -> str:
    name = part.text(key)
    if name is UNSET:
        if required:
            part.wrong(key, "is missing; it must be a string")
        return ""
    if not (1 <= len(name) <= NAME_CHARS_MAX and name.isprintable() and name.strip() == name):
        part.wrong(key, f"must have 1 to {NAME_CHARS_MAX} printable characters, and no space around them")
    return name


def _parameters(reader: BodyReader, part: Part) -> dict[str, list[str]]:
    """The parameters, each as a list; what their values mean is read by the statistic."""
    found = part.value("parameters")
    if not isinstance(found, dict):
        reader.misshapen("parameters", 'must be an object like {"customer": "C", "product": ["P"]}')
        return {}
    read = {name: _texts(value) for name, value in found.items()}
    for name, texts in read.items():
        if texts is None:
            part.wrong(f"parameters.{name[:100]}", "must be a string, or an array of strings")
    kept = {name: texts for name, texts in read.items() if texts}
    if sum(len(text) for texts in kept.values() for text in texts) > _CHARS_MAX:
        part.wrong("parameters", f"must have {_CHARS_MAX} characters at the most")
    return kept


def _texts(value: Any) -> list[str] | None:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    return [text for text in texts if text]


def origins_of(settings: Settings) -> tuple[str, ...]:
    """The origins of the setting `share_origins`."""
    return tuple(origin for each in settings.share_origins.split(",") if (origin := each.strip()))


def _origins(part: Part, settings: Settings) -> tuple[str, ...]:
    given = part.codes("origins")
    allowed = origins_of(settings)
    # What is no text was told already.
    found = [] if given is UNSET else [origin for origin in given if isinstance(origin, str)]
    for origin in found:
        if origin not in allowed:
            part.wrong("origins", f"{origin[:100]} is not among share_origins: {', '.join(allowed) or 'it is empty'}")
    return tuple(dict.fromkeys(found))
