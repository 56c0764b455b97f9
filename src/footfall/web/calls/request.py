"""What several calls read of a request alike: a JSON body, the query's names, and what the `Accept` header prefers."""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from litestar import Request
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge

from footfall import validation
from footfall.errors import Code, Problem, RequestRefused
from footfall.state import User
from footfall.web.dependencies import Services

Answer = TypeVar("Answer")
SignedInRequest = Request[User, Any, Any]

JSON: Final = "application/json"
# Headers of answers that nobody on the way may keep: statuses change, and links are keys.
UNCACHED: Final = {"cache-control": "no-store"}
# Characters of a header that an answer repeats.
HEADER_CHARS_MAX: Final = 100
# Unknown names of a query that an answer lists: the author of a client needs the first few.
QUERY_NAMES_MAX: Final = 10


async def read_json(request: SignedInRequest, services: Services) -> bytes:
    """The whole body of a call that takes JSON. Raises RequestRefused for another type, and past a bound.

    A body may take its time: the request's user has the rights of now once all of it is here. Raises Unauthenticated
    when there are none any more.
    """
    require_json(request)
    settings = services.settings
    body = await read_body(request, settings.body_timeout_s, settings.call_body_bytes_max)
    request.scope["user"] = await services.accounts.renew(request.user)
    return body


def require_json(request: Request[Any, Any, Any]) -> None:
    """Refuse other media types, charsets and encodings. A body without a type is taken for JSON."""
    media_type, parameters = request.content_type
    charset = parameters.get("charset", "utf-8").strip('"').lower()
    if media_type not in ("", JSON) or charset not in ("utf-8", "utf8"):
        raise _unsupported(f"Content-Type must be {JSON}, in UTF-8", "content-type", request)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _unsupported("the body of this call must not be compressed", "content-encoding", request)


def _unsupported(text: str, header: str, request: Request[Any, Any, Any]) -> RequestRefused:
    sent = request.headers.get(header, "")[:HEADER_CHARS_MAX]
    problem = Problem(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, header, f"{sent!r} is not taken here")
    return RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, text, (problem,))


async def read_body(request: Request[Any, Any, Any], timeout_s: int, bytes_max: int) -> bytes:
    """The whole body. Raises RequestRefused when it is larger than `bytes_max` or takes longer than `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request.body()
    except TimeoutError as error:
        message = f"the body did not arrive within {timeout_s} seconds"
        raise RequestRefused(Code.REQUEST_TIMED_OUT, message) from error
    except RequestEntityTooLarge as error:
        raise RequestRefused(Code.REQUEST_TOO_LARGE, f"the body is larger than {bytes_max} bytes") from error
    except InternalServerException as error:
        # Litestar raises this when the client has gone: no fault of the service, and nobody reads the answer.
        raise RequestRefused(Code.REQUEST_TIMED_OUT, "the body broke off") from error


def unknown_query_warnings(request: Request[Any, Any, Any], *known: str) -> list[str]:
    """One warning for each name in the query of a published call that is not known."""
    return [mistake.text for mistake in validation.unknown_keys(request.query_params, known, QUERY_NAMES_MAX)]


# Content negotiation: RFC 9110, section 12.5.1.

# Commas separate elements, semicolons their parameters, except within a quoted string. A string that is never closed
# reaches to the end, so that nothing is scanned twice.
_QUOTED_STRING = r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)'
_ELEMENT = re.compile(rf'(?:[^,"]|{_QUOTED_STRING})+', re.DOTALL)
_PARAMETER = re.compile(rf'(?:[^;"]|{_QUOTED_STRING})+', re.DOTALL)
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class _MediaRange(NamedTuple):
    """One element of `Accept`, such as `text/*;q=0.5`."""

    main: str
    sub: str
    quality: float

    def matches(self, offer: str) -> bool:
        main, _, sub = offer.partition("/")
        return self.main in ("*", main) and self.sub in ("*", sub)

    @property
    def precision(self) -> int:
        return (self.main != "*") + (self.sub != "*")


def is_for_people(request: Request[Any, Any, Any]) -> bool:
    """Whether the client prefers a page to JSON, as browsers do when a person follows a link."""
    return choose_media_type(request.headers.get("accept"), (JSON, "text/html")) == "text/html"


def choose_media_type(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the `Accept` header prefers; None when it accepts none of them.

    Without a header everything is accepted. The higher quality wins, then the more precise range (`text/csv` is more
    precise than `*/*`), then the order of the offers. Malformed elements are ignored.
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [found for element in _ELEMENT.findall(accept) if (found := _parse_media_range(element)) is not None]
    ranked = [(_rank(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    (quality, _), _, best = max(ranked)
    return best if quality > 0 else None


def _rank(offer: str, ranges: Sequence[_MediaRange]) -> tuple[float, int]:
    """Quality and precision of the most precise range that matches the offer. Only that range counts."""
    essence = offer.partition(";")[0].strip().lower()
    matching = [found for found in ranges if found.matches(essence)]
    if not matching:
        return 0, 0
    precision = max(found.precision for found in matching)
    return max(found.quality for found in matching if found.precision == precision), precision


def _parse_media_range(element: str) -> _MediaRange | None:
    essence, *parameters = _PARAMETER.findall(element) or [""]
    main, slash, sub = essence.strip().lower().partition("/")
    if not (main and slash and sub) or (main == "*" and sub != "*"):
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            if not _QUALITY.fullmatch(value.strip()):
                return None
            quality = float(value)
    return _MediaRange(main, sub, quality)


async def while_awaited(request: Request[Any, Any, Any], answering: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer, as long as the client waits for it. When it has gone, the work is given up."""
    answer, gone = asyncio.create_task(answering), asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise RequestRefused(Code.REQUEST_TIMED_OUT, "the client did not wait for the answer")
        return answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()


async def _until_gone(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
