"""Data folders of earlier versions, which `tests/programs/make_data_folder.py` made."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from footfall.system import zstd

FOLDERS = Path(__file__).parents[1] / "upgrades"
VERSIONS = sorted(path.name.removesuffix(".tar.zst") for path in FOLDERS.glob("*.tar.zst"))


def unpack(name: str, folder: Path) -> dict[str, Any]:
    """Put the data folder of a version there, which must be called `data`; returns what that version answered."""
    packed = zstd.ZstdDecompressor().decompress((FOLDERS / f"{name}.tar.zst").read_bytes())
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder.parent, filter="data")
    return json.loads((FOLDERS / f"{name}.json").read_bytes())
