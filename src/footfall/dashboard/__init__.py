"""The page: what an analyst opens instead of curl. Rendered on the server, from the same front doors as the API.

**The way of a request.** `web` has a route for each page of the table (`pages`), and hands its requests to `serving`.
That finds the session of the cookie, reads a form and proves that it is ours, sees to the rights, and calls the
page's view with a `Visit`. A view asks the front doors (`Parts`) and gives back a template with values, a redirect,
or an application of its own for files and streams. `rendering` fills the template, and every answer gets the same
headers: a strict Content-Security-Policy, and nothing is kept by anybody. What is refused becomes a page in words
(`refusals`).

**Signing in.** The cookie signs in to the pages alone, all of which are at `/` and under `/dashboard/`. The published
calls take Basic authentication and nothing else: they take JSON from other origins, so a cookie would have other sites
act for their visitors. What a script needs is therefore a page too, such as a stream of live events.

**The state of a page stands in its address** (`address`), by the names of the statistics' parameters, so that back,
forward, reload and a link to a colleague show the same. Filters are links. `period` reads the times, `selection` the
rest.

**Charts** are drawn here, as SVG (`charts`), from specifications in Vega-Lite as the API's `format=vega` has them, in
the part of it that they use. So they are there without a script, in print, and at once.

**To add a page:**

1. A view, `views/NAME.py`: `async def show(visit) -> Shown`. It lets RequestRefused pass, or shows it beside its
   content.
2. A template, `templates/NAME.html`, which extends `layout.html`. `macros.html` has filters, charts and forms;
   each form that posts has `{{ form_token }}` in it. Each number explains itself: `number(value, NAME)`, or
   `TEXT | numbered(NAME)` for those in a sentence, with the definition of that name (`explanation`).
3. Its texts, `texts/NAME.toml`: no text stands in a template or a view. The navigation's name is `common.nav.NAME`.
4. A line in `pages.PAGES`: path, view, and `nav="NAME"` where it stands in the navigation; `admin=True` where it is for
   admins. It is in the navigation, and its address is served.
5. Tests: `tests/dashboard/test_NAME.py` over the whole application without a browser; a step of the walk with one.

Styles are in `static/page.css`, by what things are (`.card`, `.bars`, `.tabs`), not by where they are. A script is an
ES module in `static/`, which `page.js` imports and which mends what is there (`data-` attributes say where): without
it the page works.
"""

from collections.abc import Iterator
from functools import partial

from footfall.dashboard.assets import Assets
from footfall.dashboard.pages import PAGES
from footfall.dashboard.serving import Server
from footfall.web import PageRoute, Parts

__all__ = ["PAGES", "page_routes"]


def page_routes(services: Parts) -> Iterator[PageRoute]:
    """The routes of all pages and of what they load."""
    assets = Assets()
    server = Server(services, PAGES, assets)
    for page in PAGES:
        yield PageRoute(page.method, page.path, partial(server.answer, page))
    yield PageRoute("GET", "/dashboard/assets/{digest}/{name}", assets.serve)
    yield PageRoute("GET", "/favicon.ico", assets.serve_icon)
