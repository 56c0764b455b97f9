"""Files of the statistics that pages show: the same answer as a table or a picture, to keep."""

from typing import Final

from litestar import Response

from footfall.dashboard.auditing import record_events_read
from footfall.dashboard.serving import HEADERS
from footfall.dashboard.visit import Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.usage import STATISTICS
from footfall.web import FORMATS, write_answer

# Formats that people keep; the API has all.
KEPT: Final = ("csv", "arrow", "svg", "png")


async def download(visit: Visit) -> Shown:
    """The file `NAME.FORMAT` of a statistic, whose parameters the query has as the API takes them."""
    name, _, kind = str(visit.request.path_params["file"]).partition(".")
    if name not in STATISTICS or kind not in KEPT:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such file")
    given = {key: visit.request.query_params.getall(key) for key in visit.request.query_params}
    question = visit.services.usage.parse(name, given)
    answer = await visit.services.usage.ask(visit.user, question)
    if name == "events":
        await record_events_read(visit, f"{name}.{kind}")
    body = await write_answer(visit.services, name, answer, kind, visit.zone, safe=True)
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(body, media_type=FORMATS[kind].partition(";")[0], headers=headers)
