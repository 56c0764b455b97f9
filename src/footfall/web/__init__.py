"""The HTTP API.

**The way of a request.** A connection (`connection`) reads one request after the other, whose ends `framing` finds,
and all connections share room and deadlines (`connections`). With a certificate (`certificate`), `tls` is between the
socket and the connection. `events_endpoint` is the connection that answers a plain
`POST /events` by itself, with the steps of `footfall.ingest`. Every other request goes to the application (`asgi`).

In the application, CORS (`cors`) is outermost, so that a page of another origin can read every answer; preflights end
there. The dispatcher (`dispatcher`) hands `POST /events` to its raw handler, past the framework, serves a `HEAD` as a
`GET` without its body, and answers an exception that nobody caught. The framework, Litestar, serves all other calls,
which are made from one table (`routes`, of which each line is a `route`); their handlers are in `calls`.

**Errors.** A call raises RequestRefused. `errors` turns that, and what the framework refuses by itself, into the shape
of the wire contract; `footfall.errors` has the statuses and bodies. No call has an error body of another shape.

**Description.** `openapi` makes the OpenAPI document from the table of routes, the structs of the wire and the texts of
the manual, and draws it as a page. It draws the guides of `docs/` too.
"""

from footfall.web.application import build
from footfall.web.calls.live import stream_messages
from footfall.web.calls.request import while_awaited
from footfall.web.calls.statistics import FORMATS, write_answer
from footfall.web.certificate import CERTIFICATE_PERIOD_S, STRICT_TRANSPORT, Certificate
from footfall.web.cors import CorsHeaders
from footfall.web.dependencies import Parts
from footfall.web.dispatcher import IS_HEAD
from footfall.web.errors import as_refusal
from footfall.web.events_endpoint import events_protocol
from footfall.web.forwarded import Forwarded, loggable_path, requested_path
from footfall.web.node_metrics import NodeMetrics
from footfall.web.rechecking import RECHECKED_AFTER_S
from footfall.web.route import PageRoute, Route
from footfall.web.routes import ROUTES
from footfall.web.tools_route import ToolsRoute

__all__ = [
    "CERTIFICATE_PERIOD_S",
    "FORMATS",
    "IS_HEAD",
    "RECHECKED_AFTER_S",
    "ROUTES",
    "STRICT_TRANSPORT",
    "Certificate",
    "CorsHeaders",
    "Forwarded",
    "NodeMetrics",
    "PageRoute",
    "Parts",
    "Route",
    "ToolsRoute",
    "as_refusal",
    "build",
    "events_protocol",
    "loggable_path",
    "requested_path",
    "stream_messages",
    "while_awaited",
    "write_answer",
]
