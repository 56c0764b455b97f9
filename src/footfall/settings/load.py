"""Loads the settings from defaults, a running service, a TOML file, the environment and flags, in rising order.

All problems are found at once and reported one a line, so that the user does not start once for each mistake.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.inspect import BoolType, FloatType, IntType, LiteralType, Type, type_info

from footfall.settings import alerts
from footfall.settings.checks import PAIRS, problem, shown_value
from footfall.settings.identity_provider import GroupRights, group_problems, missing
from footfall.settings.object_stores import Destination, Option, destination_problems, option_problems
from footfall.settings.retention import RetentionRule, retention_problems
from footfall.settings.schema import Settings
from footfall.settings.senders import SenderRule, sender_problems
from footfall.wording import unclosed_line

PREFIX = "FOOTFALL_"
CONFIG_VARIABLE = "FOOTFALL_CONFIG"
CONFIG_DEFAULT = Path("footfall.toml")
DEFAULT = "default"
# The source of what a running service has, and a command has no word of.
SERVICE = "service"

# Variables with our prefix that are not settings: the path of the file, a secret for the first start, what the
# supervisor passes to its processes, and what the commands that speak to a service over HTTP read, the client's too.
_NO_SETTINGS = frozenset(
    {CONFIG_VARIABLE, "FOOTFALL_ADMIN_PASSWORD"}
    | {"FOOTFALL_GATE_FD", "FOOTFALL_HANDOVER", "FOOTFALL_LOCKED", "FOOTFALL_PARENT_FD", "FOOTFALL_SOCKET_FD"}
    | {"FOOTFALL_URL", "FOOTFALL_PROFILE", "FOOTFALL_USER", "FOOTFALL_PASSWORD", "FOOTFALL_KEY", "FOOTFALL_AUTH"}
)
# Variables that Kubernetes sets in every pod when there is a service named footfall.
_SERVICE_LINK = re.compile(r"FOOTFALL_(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP)(_.+)?)")
# Where the parser of TOML stopped.
_LINE = re.compile(r"at line (\d+)")

_HINTS = get_type_hints(Settings, include_extras=True)
# Settings that are tables: the type of their values, and an example in JSON for the environment and flags.
_TABLES: dict[str, tuple[Any, str]] = {
    "destinations": (Destination, '{"lake": {"url": "s3://bucket/prefix"}}'),
    "oidc_groups": (GroupRights, '{"analysts": {"customers": ["BARCHART"]}}'),
    "files_options": (Option, '{"region": "eu-central-1"}'),
    "senders": (SenderRule, '{"ACME": {"write_key": true}}'),
}
# Settings that are lists, likewise.
_LISTS: dict[str, tuple[Any, str]] = {
    "retention_rules": (RetentionRule, '[{"product": "SHOP", "type": "VIEW*", "days": 90}]'),
}
# What is wrong with a row of a table, by its name and its value.
_ROWS: dict[str, Callable[[str, Any], Iterator[str]]] = {
    "destinations": destination_problems,
    "oidc_groups": group_problems,
    "senders": sender_problems,
}


class SettingsInvalid(Exception):
    """The settings cannot be used; `problems` has one line for each reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Loaded(Struct, frozen=True):
    """The settings in force, the source of each, and the file.

    A source is `default`, `service`, a file's path, a variable's name or `flag`.
    """

    settings: Settings
    sources: dict[str, str]
    file: Path | None

    def shown(self) -> Iterator[tuple[str, object, str]]:
        """Name, value and source of every setting, with passwords hidden."""
        for name, source in self.sources.items():
            yield name, _plain(shown_value(name, getattr(self.settings, name))), source


class _Given(NamedTuple):
    """A value from a source: `place` is its name in a problem, `text` says whether the source has only strings."""

    name: str
    value: object
    source: str
    place: str
    text: bool


def load(
    config: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str],
    options: Collection[str] = (),
    served: Mapping[str, object] | None = None,
) -> Loaded:
    """Read and check all sources; raises SettingsInvalid with every problem found.

    The file is `config`, else that of FOOTFALL_CONFIG (none when that is empty), else ./footfall.toml if it exists.
    `flags` has the settings' names as keys; `options` are those of them that have an option of their own. `served` are
    settings of a running service, which stand in for the defaults.
    """
    problems: list[str] = []
    file = _file(config, environment)
    given: dict[str, _Given] = {}
    sources = (
        *_from_service(served or {}),
        *_from_file(file, problems),
        *_from_environment(environment),
        *_from_flags(flags, options),
    )
    for one in sources:
        if one.name in _HINTS:
            given[one.name] = one
        else:
            problems.append(f"{one.place}: unknown setting{_near(one)}")
    values = _convert(given, problems)
    settings = Settings(**values)  # type: ignore[arg-type]  # each was converted to its field's type
    problems += _check(settings, given, values)
    if problems:
        raise SettingsInvalid(tuple(problems))
    shown = {name: given[name].source if name in given else DEFAULT for name in Settings.__struct_fields__}
    return Loaded(settings, shown, file)


def _file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    if config is not None:
        return config
    named = environment.get(CONFIG_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return CONFIG_DEFAULT if CONFIG_DEFAULT.exists() else None


def _from_file(path: Path | None, problems: list[str]) -> list[_Given]:
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return []
    except UnicodeDecodeError as error:
        problems.append(f"{path}: the byte {error.object[error.start]:#04x} is not UTF-8: save the file as UTF-8")
        return []
    except ValueError as error:
        problems.append(f"{path}: is not TOML: {error}{_unclosed(text, str(error))}")
        return []
    return [_Given(name, value, str(path), f"{path}: {name}", text=False) for name, value in values.items()]


def _unclosed(text: str, why: str) -> str:
    """Which bracket was not closed, as far as the parser's message tells where it stopped."""
    found = _LINE.search(why)
    opened = unclosed_line(text, int(found[1]) if found else None)
    return f"; the bracket of line {opened} is not closed" if opened else ""


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    for variable, value in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable not in _NO_SETTINGS and not _is_service_link(variable, value):
            yield _Given(variable.removeprefix(PREFIX).lower(), value, variable, variable, text=True)


def _is_service_link(variable: str, value: str) -> bool:
    return _SERVICE_LINK.fullmatch(variable) is not None or (variable == "FOOTFALL_PORT" and "://" in value)


def _from_flags(flags: Mapping[str, str], options: Collection[str]) -> Iterator[_Given]:
    for name, value in flags.items():
        place = f"--{name.replace('_', '-')}" if name in options else f"--set {name}"
        yield _Given(name, value, "flag", place, text=True)


def _from_service(served: Mapping[str, object]) -> Iterator[_Given]:
    for name, value in served.items():
        yield _Given(name, value, SERVICE, f"the running service's {name}", text=False)


def _near(one: _Given) -> str:
    """A hint at a similar setting, spelt as in the source of the unknown one."""
    if isinstance(one.value, dict):
        return ": settings stand by themselves, not in tables"
    found = difflib.get_close_matches(one.name.lower().replace("-", "_"), _HINTS, n=1, cutoff=0.7)
    if not found:
        return ""
    name = PREFIX + found[0].upper() if one.place.startswith(PREFIX) else found[0]
    return f"; did you mean {name}?"


def _convert(given: Mapping[str, _Given], problems: list[str]) -> dict[str, object]:
    """The given values by name, converted to their fields' types; adds a problem for each that cannot be."""
    values: dict[str, object] = {}
    for one in given.values():
        if one.name in _TABLES:
            values |= _convert_table(one, problems)
            continue
        if one.name in _LISTS:
            values |= _convert_list(one, problems)
            continue
        try:
            values[one.name] = msgspec.convert(one.value, _HINTS[one.name], strict=not one.text)
        except msgspec.ValidationError:
            problems.append(
                f"{one.place}: expected {_expected(_HINTS[one.name])}, got {shown_value(one.name, one.value)!r}"
            )
    return values


def _convert_table(one: _Given, problems: list[str]) -> dict[str, object]:
    """The table by the setting's name; empty when it has problems. No problem repeats a value: it may be a secret."""
    kind, example = _TABLES[one.name]
    found = _read_json(one)
    if not isinstance(found, dict):
        problems.append(f"{one.place}: expected a table" + (f" in JSON, such as {example}" if one.text else ""))
        return {}
    table, before = {}, len(problems)
    for name, value in found.items():
        try:
            table[name] = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            problems.append(f"{one.place}.{name}: {error}")
    return {one.name: table} if len(problems) == before else {}


def _convert_list(one: _Given, problems: list[str]) -> dict[str, object]:
    """The list by the setting's name; empty when it has problems."""
    kind, example = _LISTS[one.name]
    found = _read_json(one)
    if not isinstance(found, list):
        problems.append(f"{one.place}: expected a list" + (f" in JSON, such as {example}" if one.text else ""))
        return {}
    rows, before = [], len(problems)
    for number, value in enumerate(found, start=1):
        try:
            rows.append(msgspec.convert(value, kind))
        except msgspec.ValidationError as error:
            problems.append(f"{one.place}: rule {number}: {error}")
    return {one.name: rows} if len(problems) == before else {}


def _read_json(one: _Given) -> object:
    """The value, which the environment and flags have as JSON; None where it is none."""
    if not one.text:
        return one.value
    try:
        return msgspec.json.decode(str(one.value))
    except msgspec.DecodeError:
        return None


def _expected(hint: object) -> str:
    kind: Type = type_info(hint)
    match kind:
        case IntType(ge=int(low), le=int(high)):
            return f"an integer from {low} to {high}"
        case IntType(ge=int(low)):
            return f"an integer >= {low}"
        case IntType():
            return "an integer"
        case FloatType():
            return "a number"
        case BoolType():
            return "true or false"
        case LiteralType():
            return "one of " + ", ".join(get_args(hint))
        case _:
            return "a string"


def _check(settings: Settings, given: Mapping[str, _Given], values: Mapping[str, object]) -> Iterator[str]:
    """Problems of given values that have the right type; the defaults have none."""
    for name in values:
        if why := problem(name, getattr(settings, name)):
            yield f"{given[name].place}: {why}"
    yield from _row_problems(settings, given, values)
    if "files_options" in values:
        for why in option_problems(settings.files_url, settings.files_options):
            yield f"{given['files_options'].place}: {why}"
    if why := missing(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_groups):
        yield f"{given['oidc_issuer'].place}: {why}"
    if why := alerts.missing(settings.alert_url, settings.alert_secret):
        yield f"{given['alert_url'].place}: {why}"
    yield from _tls_problems(settings, given)
    yield from _pair_problems(settings, given, values)


def _row_problems(settings: Settings, given: Mapping[str, _Given], values: Mapping[str, object]) -> Iterator[str]:
    for table, check in _ROWS.items():
        for row, value in getattr(settings, table).items() if table in values else ():
            for why in check(row, value):
                yield f"{given[table].place}.{row}: {why}"
    if "retention_rules" in values:
        for why in retention_problems(settings.retention_rules):
            yield f"{given['retention_rules'].place}: {why}"


def _tls_problems(settings: Settings, given: Mapping[str, _Given]) -> Iterator[str]:
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        has, lacks = ("tls_certificate", "tls_key") if settings.tls_certificate else ("tls_key", "tls_certificate")
        yield f"{given[has].place if has in given else has}: TLS needs {lacks} too"


def _pair_problems(settings: Settings, given: Mapping[str, _Given], values: Mapping[str, object]) -> Iterator[str]:
    """Problems of values that are good by themselves and not together."""
    for small, large, reason in PAIRS:
        low, high = getattr(settings, small), getattr(settings, large)
        # A value that could not be converted was reported, and has its default here.
        known = all(name in values for name in (small, large) if name in given)
        if low > high and known:
            place = given[small].place if small in given else given[large].place
            yield f"{place}: {small} is {low}, {large} is {high}: it must be at most that, {reason}"


def _plain(value: object) -> object:
    """A value as TOML and JSON have it: rows of tables are tables too, without what is not set."""
    if isinstance(value, Struct):
        return _plain(msgspec.structs.asdict(value))
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
