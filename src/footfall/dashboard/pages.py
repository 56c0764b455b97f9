"""All pages in one table, in the order of the navigation."""

from typing import Final

from footfall.dashboard.views import (
    account,
    explore,
    files,
    funnels,
    overview,
    paths,
    retention,
    saved,
    shared,
    signing,
)
from footfall.dashboard.visit import PageEntry

PAGES: Final = (
    PageEntry(path="/", view=overview.show, nav="overview"),
    PageEntry(path="/dashboard/explore", view=explore.show, nav="explore"),
    PageEntry(path="/dashboard/funnels", view=funnels.show, nav="funnels"),
    PageEntry(path="/dashboard/retention", view=retention.show, nav="retention"),
    PageEntry(path="/dashboard/paths", view=paths.show, nav="paths"),
    PageEntry(path="/dashboard/views", view=saved.show, nav="views"),
    PageEntry(path="/dashboard/views/save", view=saved.save, method="POST", audit="view.save"),
    PageEntry(path="/dashboard/views/remove", view=saved.remove, method="POST", audit="view.remove"),
    PageEntry(path="/dashboard/views/share", view=saved.share, method="POST", audit="share.add"),
    PageEntry(path="/dashboard/views/revoke", view=saved.revoke, method="POST", audit="share.revoke"),
    PageEntry(path="/shared/{link}", view=shared.show, public=True, audit="share.open"),
    PageEntry(path="/dashboard/account", view=account.show, nav="account"),
    PageEntry(path="/dashboard/usage/{file}", view=files.download),
    PageEntry(path="/dashboard/sign-in", view=signing.show, public=True),
    PageEntry(path="/dashboard/sign-in", view=signing.sign_in, method="POST", public=True),
    PageEntry(path="/dashboard/sign-out", view=signing.sign_out, method="POST", public=True),
    PageEntry(path="/dashboard/sign-out-everywhere", view=signing.sign_out_everywhere, method="POST"),
    PageEntry(path="/dashboard/theme", view=signing.choose_theme, method="POST", public=True),
)
