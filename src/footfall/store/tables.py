"""Tables that come and go with one piece of work: the statements that make, swap and drop them, from tables/*.sql."""

import re
from functools import cache
from importlib.resources import files

from footfall.store.statements import Migration, render

_PLAIN = re.compile(r"[\w ]+")


def statements(name: str, database: str, cluster: str, words: dict[str, str]) -> list[str]:
    """The statements of tables/NAME.sql, for one server (`cluster` empty) or a cluster.

    `words` fill the file's own placeholders; they are letters, digits, _ and spaces, because they become names.
    """
    text = _read(name)
    for word, value in words.items():
        assert _PLAIN.fullmatch(value), value  # noqa: S101 - our own mistake
        text = text.replace("{{" + word + "}}", value)
    return render(Migration(0, name, "", text), cluster=cluster, database=database)


@cache
def _read(name: str) -> str:
    return files("footfall.store").joinpath("tables", f"{name}.sql").read_text("utf-8")
