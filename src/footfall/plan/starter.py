"""The file with which a plan of one's own begins: what was said of it, and comments that tell how to go on."""

from collections.abc import Mapping, Sequence
from typing import Final

from footfall.plan.toml_text import array, key, quote

_TEXT: Final = """\
# The tracking plan: which customers, products and types of events there are, and what each type's context holds.
# docs/tracking-plan.md has the whole format. After a change:
#   footfall plan check FILE     names every mistake with its line
#   kill -HUP PID                has the running service read the file again (PID: of footfall serve)

{customers}

[products.{product}]
# Every key of a context, in the order in which reports list them. Readers rely on it: add new ones at the end.
columns = {columns}

[products.{product}.types]
# TYPE = the keys of its context, in order. A question mark makes a key optional; optional keys come last.
{types}

# Rules are conditions on values: non_empty, uuid, one_of, regex, optional; of the customers, products and keys that
# they name, or of all.
# [[rules]]
# keys = [{key}]
# non_empty = true
"""
_CUSTOMERS: Final = "# The customers that may send events; others are refused. Without it every customer may.\n"


def write_starter(product: str, types: Mapping[str, Sequence[str]], customers: Sequence[str]) -> str:
    """The text of a plan's file. `types` are the keys of each type, `?` behind optional ones.

    It is a good plan when the names are good, each context names a key once, and optional keys come last.
    """
    columns = list(dict.fromkeys(name.removesuffix("?") for keys in types.values() for name in keys))
    listed = f"customers = {array(customers)}" if customers else '# customers = ["ACME", "GLOBEX"]'
    return _TEXT.format(
        customers=_CUSTOMERS + listed,
        product=key(product),
        columns=array(columns or ["userId"]),
        types="\n".join(f"{key(name)} = [{', '.join(map(quote, keys))}]" for name, keys in types.items()),
        key=quote((columns or ["userId"])[0]),
    )
