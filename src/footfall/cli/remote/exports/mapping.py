"""The mapping: what the names of an export are in the tracking plan. A TOML file, over what is known of the format."""

import re
import tomllib
from pathlib import Path
from typing import Final, Literal

import click
import msgspec
from msgspec import Struct

from footfall.cli.remote.exports.formats import FORMATS, ExportFormat, Paths
from footfall.wording import plain

_OTHER_CHARACTERS: Final = re.compile(r"[^A-Za-z0-9]+")


class MappedSite(Struct, frozen=True, forbid_unknown_fields=True):
    """What the events of a site belong to."""

    customer: str = ""
    product: str = ""


class _MappingFile(Struct, frozen=True, forbid_unknown_fields=True):
    customer: str = ""
    product: str = ""
    time: list[str] = []
    time_unit: Literal["ms", "s"] | None = None
    name: list[str] = []
    visitor: list[str] = []
    site: list[str] = []
    version: list[str] = []
    others: Literal["refuse", "leave-out"] = "refuse"
    sites: dict[str, MappedSite | bool] = {}
    types: dict[str, str | bool] = {}
    only: dict[str, list[str]] = {}
    context: dict[str, str | list[str]] = {}
    contexts: dict[str, dict[str, str | list[str]]] = {}


class ExportMapping(Struct, frozen=True, kw_only=True):
    """The whole mapping of an import. A path that begins with `=` is a value as it stands.

    `types` has the type of each name, or False for names that are left out; `others` says what becomes of names that
    are neither there nor in the plan.
    """

    source: str
    format: ExportFormat
    customer: str
    product: str
    time: Paths
    time_unit: str
    name: Paths
    visitor: Paths
    site: Paths
    version: Paths
    leaves_others: bool
    sites: dict[str, MappedSite | bool]
    types: dict[str, str | bool]
    only: dict[str, tuple[str, ...]]
    context: dict[str, Paths]
    contexts: dict[str, dict[str, Paths]]


def read_mapping(source: str, place: Path | None, customer: str | None, product: str | None) -> ExportMapping:
    """The mapping of a file, over the format's own, under the options; ends the command where it cannot be used."""
    given = _MappingFile()
    if place is not None:
        try:
            given = msgspec.convert(tomllib.loads(place.read_text(encoding="utf-8")), _MappingFile)
        except OSError as error:
            raise click.ClickException(f"{plain(str(place))}: {error.strerror}") from error
        except (ValueError, msgspec.ValidationError) as error:
            raise click.ClickException(f"{plain(str(place))}: {plain(str(error))}") from error
    if any(one is True for one in (*given.types.values(), *given.sites.values())):
        raise click.ClickException(f"{plain(str(place))}: a type or a site is a name, or false where it is left out")
    known = FORMATS[source]
    return ExportMapping(
        source=source,
        format=known,
        customer=customer or given.customer,
        product=product or given.product,
        time=tuple(given.time) or known.time,
        time_unit=given.time_unit or known.time_unit,
        name=tuple(given.name),
        visitor=tuple(given.visitor) or known.visitor,
        site=tuple(given.site) or known.site,
        version=tuple(given.version),
        leaves_others=given.others == "leave-out",
        sites=given.sites,
        types={**known.types, **given.types},
        only={**known.only, **{name: tuple(values) for name, values in given.only.items()}},
        context=_paths(given.context),
        contexts={name: _paths(one) for name, one in given.contexts.items()},
    )


def _paths(given: dict[str, str | list[str]]) -> dict[str, Paths]:
    return {key: (found,) if isinstance(found, str) else tuple(found) for key, found in given.items()}


def as_code(name: str) -> str:
    """A name as types are written: `signed up` is SIGNED-UP."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    return _OTHER_CHARACTERS.sub("-", spaced).strip("-").upper()
