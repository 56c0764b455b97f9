"""The module that sends events from a page, for pages of any origin."""

import gzip
import hashlib
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response

from footfall.web.calls.downloads import is_unchanged

_SOURCE: Final = (Path(__file__).parent.parent / "footfall.js").read_bytes()
_PACKED: Final = gzip.compress(_SOURCE, mtime=0)
# A tag of each form: a proxy that keeps both must not take one for the other.
_TAG: Final = hashlib.sha256(_SOURCE).hexdigest()[:32]
_HEADERS: Final = {
    "cache-control": "public, max-age=3600",
    "vary": "Accept-Encoding",
    # Pages that ask for it of all that they load may load this.
    "cross-origin-resource-policy": "cross-origin",
}


async def show_module(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The module, compressed where that is accepted; 304 where the browser has it already."""
    is_packed = _accepts_gzip(request.headers.get("accept-encoding", ""))
    etag = f'"{_TAG}-gzip"' if is_packed else f'"{_TAG}"'
    headers = {**_HEADERS, "etag": etag}
    if is_unchanged(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, media_type="text/javascript", headers=headers)
    if is_packed:
        headers["content-encoding"] = "gzip"
    return Response(_PACKED if is_packed else _SOURCE, media_type="text/javascript", headers=headers)


def _accepts_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip, and not with a weight of 0."""
    for part in accepted.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";")
        if name in ("gzip", "*"):
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
