"""Spreadsheet files, read as ECMA-376 says: the parts of a zip file, XML, and the characters that XML does not have."""

import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The day that spreadsheets count from.
DAY_0 = datetime(1899, 12, 30, tzinfo=UTC)


def read_sheets(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each sheet by its name: texts as str, times as ms, empty cells as None."""
    with zipfile.ZipFile(file) as parts:
        assert parts.testzip() is None
        assert parts.namelist()[0] == "[Content_Types].xml"
        styles = _parse(parts.read("xl/styles.xml"))
        formats = [int(xf.attrib["numFmtId"]) for xf in styles.find(f"{MAIN}cellXfs")]
        codes = {int(one.attrib["numFmtId"]): one.attrib["formatCode"] for one in styles.iter(f"{MAIN}numFmt")}
        dated = {str(n) for n, number in enumerate(formats) if "yyyy" in codes.get(number, "")}
        related = _parse(parts.read("xl/_rels/workbook.xml.rels"))
        targets = {one.attrib["Id"]: one.attrib["Target"] for one in related.iter(f"{PACKAGE}Relationship")}
        book = _parse(parts.read("xl/workbook.xml"))
        found = {}
        for sheet in book.iter(f"{MAIN}sheet"):
            text = _parse(parts.read(f"xl/{targets[sheet.attrib[f'{OFFICE}id']]}"))
            found[sheet.attrib["name"]] = [tuple(_cell(cell, dated) for cell in row) for row in text.iter(f"{MAIN}row")]
        return found


def _parse(text: bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - we wrote it


def _cell(cell: ET.Element, dated: set[str]) -> Any:
    if cell.attrib.get("t") == "inlineStr":
        text = cell.find(f"{MAIN}is/{MAIN}t").text or ""
        return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)
    value = cell.find(f"{MAIN}v")
    if value is None:
        return None
    assert cell.attrib["s"] in dated
    return round((DAY_0 + timedelta(days=float(value.text)) - EPOCH) / timedelta(milliseconds=1))
