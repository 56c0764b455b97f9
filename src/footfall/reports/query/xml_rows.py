"""A row of a spreadsheet (xlsx) as the engine writes it: one line of XML.

A text is an inline string (ECMA-376, 18.4.12), which no program takes for a formula, a number or a link. Characters
that XML does not have are written as that standard does, `_x0001_`; where a text already has such a place, its `_` is
`_x005F_`, so that each text can be had back. A key that the event's type does not have is an empty cell.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

# What a cell holds, in units of UTF-16; a file with more is taken for damaged.
CELL_UNITS_MAX: Final = 32_767
# Characters that stay of a longer text; half as many where some have two units.
CUT_CHARS: Final = 32_000
# How a text begins that was cut. No text of an event can hold it.
CUT_START: Final = '<c s="2" t="inlineStr"><is><t xml:space="preserve">'
_TEXT_START = '<c t="inlineStr"><is><t xml:space="preserve">'
_TEXT_END = "</t></is></c>"
_EMPTY_CELL = "'<c/>'"
# Times that a spreadsheet has a number for: from the day after the one that 1900 did not have.
_FIRST_MS, _LAST_MS = -2_203_891_200_000, 253_402_300_799_999
# The number of 1970-01-01, in days.
_EPOCH_DAY = 25_569
_DAY_MS = 86_400_000
# Texts that need more than to be copied: nearly none.
_ODD = "[&<>\\x00-\\x1f]|_x|[\\x{fffe}\\x{ffff}]"
# Parts of a text that look like a character that XML does not have, or do before one, which is written from `_x` on.
_ESCAPES = "_x[0-9A-Fa-f]{4}[_\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
_WIDE = "[\\x{10000}-\\x{10ffff}]"
# What each character is written as; `&` comes first, for the others have it.
_WRITTEN = {
    **dict(zip("&<>\t\n\r", ("&amp;", "&lt;", "&gt;", "&#9;", "&#10;", "&#13;"), strict=True)),
    **{one: f"_x{ord(one):04X}_" for one in (*map(chr, range(32)), "\ufffe", "\uffff") if one not in "\t\n\r"},
}


def xml_text(text: str) -> str:
    """A text as it stands in a cell: what the engine's expression makes of it."""
    xml = text.replace("_x", "_x005F_x") if re.search(_ESCAPES, text) else text
    for character, written in _WRITTEN.items():
        xml = xml.replace(character, written)
    return xml


def xml_parameters() -> dict[str, Any]:
    """The parameters of `xml_functions` and `xml_row`."""
    return {
        "odd_text": _ODD,
        "escapes": _ESCAPES,
        "wide": _WIDE,
    }


def xml_functions(mark: str) -> tuple[str, ...]:
    """The functions that the expressions of cells share; their names begin with `mark`."""
    xml = "if(match(text, {escapes:String}), replaceAll(text, '_x', '_x005F_x'), text)"
    for character, written in _WRITTEN.items():
        one = f"char({ord(character)})" if character < " " else f"'{character}'"
        xml = f"replaceAll({xml}, {one}, '{written}')"
    xml = f"if(match(text, {{odd_text:String}}), {xml}, text)"
    units = "lengthUTF8(text) + countMatches(text, {wide:String})"
    kept = f"substringUTF8(text, 1, if(match(text, {{wide:String}}), {CUT_CHARS // 2:d}, {CUT_CHARS:d}))"
    cut = f"concat({kept}, ' … (cut here, of ', toString(lengthUTF8(text)), ' characters)')"
    is_long = f"length(text) > {CELL_UNITS_MAX:d} AND {units} > {CELL_UNITS_MAX:d}"
    cut_cell = f"concat('{CUT_START}', {mark}xml({cut}), '{_TEXT_END}')"
    cell = f"concat('{_TEXT_START}', {mark}xml(text), '{_TEXT_END}')"
    return (
        f"(text) -> {xml} AS {mark}xml",
        f"(text) -> ifNull(if({is_long}, {cut_cell}, {cell}), {_EMPTY_CELL}) AS {mark}text",
    )


def xml_row(mark: str, cells: Iterable[str], nothing: str) -> str:
    """The expression of a row: a time, and texts, of which `nothing` is always empty."""
    number = f"toString(timestamp / {_DAY_MS:d} + {_EPOCH_DAY:d})"
    time = (
        f"if(timestamp BETWEEN {_FIRST_MS:d} AND {_LAST_MS:d}, concat('<c s=\"1\"><v>', {number}, '</v></c>'), "
        f"{mark}text(toString(timestamp)))"
    )
    texts = [_EMPTY_CELL if cell == nothing else f"{mark}text({cell})" for cell in cells]
    return f"concat({', '.join(['<row>'.join(chr(39) * 2), time, *texts])}, '</row>')"
