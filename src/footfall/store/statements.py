"""The SQL files of this room: schema/ in order of their numbers, queries/ by their names."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

_SEPARATOR = "-- then\n"
_CLUSTER_SEPARATOR = "-- then, on a cluster\n"


class Migration(Struct, frozen=True):
    """One file of schema/: its number, name, hash, and the statements with their placeholders."""

    number: int
    name: str
    sha256: str
    text: str


@cache
def query(name: str) -> str:
    """The text of queries/NAME.sql; raises FileNotFoundError."""
    return _folder("queries").joinpath(f"{name}.sql").read_text("utf-8")


def read_migrations() -> list[Migration]:
    """All files of schema/ in order."""
    paths = sorted(
        (path for path in _folder("schema").iterdir() if path.name.endswith(".sql")), key=lambda path: path.name
    )
    return [_read_migration(path) for path in paths]


def render(migration: Migration, cluster: str, database: str = "") -> list[str]:
    """The statements of a migration for one server (`cluster` empty) or for a cluster.

    The placeholders are a closed set; the two names, which come from the settings, are quoted.
    """
    alone, *clustered = migration.text.split(_CLUSTER_SEPARATOR)
    text = _SEPARATOR.join([alone, *clustered]) if cluster else alone
    values = {
        "database": _quote(database),
        "cluster": _quote(cluster),
        "on_cluster": f"ON CLUSTER {_quote(cluster)}" if cluster else "",
        "replicated": "Replicated" if cluster else "",
        "shard": "_shard" if cluster else "",
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return [statement.strip() for statement in text.split(_SEPARATOR)]


def _quote(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _read_migration(path: Traversable) -> Migration:
    text = path.read_text("utf-8")
    number, _, name = path.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text)


def _folder(name: str) -> Traversable:
    return files("footfall.store").joinpath(name)
