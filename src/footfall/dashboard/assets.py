"""Style, scripts and pictures of the page: read once, named by a hash of all of them, kept by browsers for a year.

The hash stands in the path, so that scripts find each other by their plain names.
"""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

import brotli
from litestar import Request, Response
from litestar.exceptions import NotFoundException
from msgspec import Struct

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
}
# Bytes below which nothing is gained by compressing, and the quality of what is compressed while someone waits.
COMPRESSED_BYTES_MIN: Final = 1_000
BROTLI_QUALITY: Final = 4
GZIP_LEVEL: Final = 5
_KEPT: Final = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    """A file as it is sent: as it is, and compressed in two ways."""

    media_type: str
    plain: bytes
    compressed: Mapping[str, bytes]


class Assets:
    """The files of `static/`."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in (files(__package__) / "static").iterdir()}
        digest = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)
        self.hash = digest.hexdigest()[:12]

    @cached_property
    def _assets(self) -> dict[str, Asset]:
        return {
            name: _asset(MEDIA_TYPES[ending], content)
            for name, content in self._files.items()
            if (ending := name.rpartition(".")[2]) in MEDIA_TYPES
        }

    async def serve(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """A file by its name. An old hash gets today's file, which is then not to be kept."""
        given = request.path_params
        return self._answer(str(given["name"]), request, is_named=given["digest"] == self.hash)

    async def serve_icon(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """The icon for those who ask at the place where icons always were."""
        return self._answer("mark.svg", request, is_named=False)

    def _answer(self, name: str, request: Request[Any, Any, Any], *, is_named: bool) -> Response[bytes]:
        found = self._assets.get(name)
        if found is None:
            raise NotFoundException
        accepted = request.headers.get("accept-encoding", "")
        encoding = next((each for each in found.compressed if accepts(accepted, each)), "")
        headers = {
            "cache-control": _KEPT if is_named else "no-cache",
            "vary": "Accept-Encoding",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            "cross-origin-resource-policy": "same-origin",
        }
        if not encoding:
            return Response(found.plain, media_type=found.media_type, headers=headers)
        headers["content-encoding"] = encoding
        return Response(found.compressed[encoding], media_type=found.media_type, headers=headers)


def _asset(media_type: str, content: bytes) -> Asset:
    if len(content) < COMPRESSED_BYTES_MIN or media_type == MEDIA_TYPES["png"]:
        return Asset(media_type, content, {})
    return Asset(media_type, content, {"br": brotli.compress(content), "gzip": gzip.compress(content, 9, mtime=0)})


def compress(content: bytes, accepted: str) -> tuple[bytes, str]:
    """A page as it is sent, and the name of its compression; empty for none."""
    if len(content) >= COMPRESSED_BYTES_MIN:
        if accepts(accepted, "br"):
            return brotli.compress(content, quality=BROTLI_QUALITY), "br"
        if accepts(accepted, "gzip"):
            return gzip.compress(content, GZIP_LEVEL, mtime=0), "gzip"
    return content, ""


def accepts(accepted: str, encoding: str) -> bool:
    """Whether an `Accept-Encoding` names the encoding, and does not refuse it."""
    for element in accepted.lower().split(","):
        name, _, quality = element.partition(";")
        if name.strip() == encoding:
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
