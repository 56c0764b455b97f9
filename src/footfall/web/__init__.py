"""The HTTP API.

**The way of a request.** A connection (`connection`) reads one request after the other, cut by `framing`, and ends
every wait for its client (`connections`). The door (`door`) is the connection that answers a plain `POST /events`
itself, with the steps of `footfall.collecting`; all else becomes a request of the application (`exchange`). There CORS
(`cors`) is outermost, so that every answer, whatever makes it, can be read by a page of another origin; preflights end
there. The entrance (`entrance`) hands `POST /events` to its raw handler, past the framework, serves a `HEAD` as the
`GET` that it stands for, and is the last net for what nobody caught. All other calls are the framework's, made from one
table (`routes`).

**Errors.** A call raises RequestRefused; `errors` turns that, and whatever the framework refuses by itself, into the
wire contract's shape, whose statuses and bodies stand in `footfall.refusals`. No other error body ever leaves.

**Description.** `document` makes the OpenAPI document from the table of routes, the wire's structs and the texts of
`manual` and `advice`; `page` draws the same document for people.
"""

from footfall.web.application import build
from footfall.web.cors import Allowed
from footfall.web.dependencies import Gauges
from footfall.web.events_endpoint import events_protocol
from footfall.web.routes import ROUTES, Route

__all__ = [
    "ROUTES",
    "Allowed",
    "Gauges",
    "Route",
    "build",
    "events_protocol",
]
