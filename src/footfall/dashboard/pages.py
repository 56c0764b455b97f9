"""All pages in one table, in the order of the navigation."""

from typing import Final

from footfall.dashboard.views import (
    account,
    events,
    explore,
    files,
    funnels,
    live,
    overview,
    paths,
    plan,
    provider,
    quarantine,
    reports,
    retention,
    saved,
    schedules,
    shared,
    signing,
    system,
    users,
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
    PageEntry(path="/dashboard/live", view=live.show, nav="live", audit="events.read"),
    PageEntry(path="/dashboard/live/stream", view=live.stream, audit="events.listen"),
    PageEntry(path="/dashboard/events", view=events.show, nav="events"),
    PageEntry(path="/dashboard/events/batch", view=events.show_batch),
    PageEntry(path="/dashboard/reports", view=reports.show, nav="reports"),
    PageEntry(path="/dashboard/reports/new", view=reports.choose),
    PageEntry(path="/dashboard/reports/new", view=reports.start, method="POST", audit="report.start"),
    PageEntry(path="/dashboard/reports/{source}", view=reports.show_one),
    PageEntry(path="/dashboard/reports/{source}/file", view=reports.download, audit="report.link"),
    PageEntry(path="/dashboard/reports/{source}/end", view=reports.end, method="POST", audit="report.end"),
    PageEntry(path="/dashboard/reports/{source}/since", view=reports.start_since, method="POST", audit="report.start"),
    PageEntry(path="/dashboard/schedules", view=schedules.show),
    PageEntry(path="/dashboard/schedules", view=schedules.add, method="POST", audit="schedule.add"),
    PageEntry(path="/dashboard/schedules/{schedule}", view=schedules.show_one),
    PageEntry(
        path="/dashboard/schedules/{schedule}/{change}", view=schedules.change, method="POST", audit="schedule.change"
    ),
    PageEntry(
        path="/dashboard/quarantine", view=quarantine.show, nav="quarantine", admin=True, audit="quarantine.read"
    ),
    PageEntry(path="/dashboard/quarantine/change", view=quarantine.choose, admin=True),
    PageEntry(
        path="/dashboard/quarantine/release",
        view=quarantine.release,
        method="POST",
        admin=True,
        audit="quarantine.release",
    ),
    PageEntry(
        path="/dashboard/quarantine/drop", view=quarantine.drop, method="POST", admin=True, audit="quarantine.drop"
    ),
    PageEntry(
        path="/dashboard/quarantine/event/{batch}/{sequence}",
        view=quarantine.show_one,
        admin=True,
        audit="quarantine.read",
    ),
    PageEntry(path="/dashboard/plan", view=plan.show, nav="plan"),
    PageEntry(path="/dashboard/system", view=system.show, nav="system", admin=True),
    PageEntry(path="/dashboard/users", view=users.show, nav="users", admin=True),
    PageEntry(path="/dashboard/users", view=users.add, method="POST", admin=True, audit="user.add"),
    PageEntry(path="/dashboard/users/one", view=users.show_one, admin=True),
    PageEntry(path="/dashboard/users/rights", view=users.change_rights, method="POST", admin=True, audit="user.change"),
    PageEntry(
        path="/dashboard/users/password", view=users.set_password, method="POST", admin=True, audit="user.password"
    ),
    PageEntry(path="/dashboard/users/remove", view=users.remove, method="POST", admin=True, audit="user.remove"),
    PageEntry(path="/dashboard/account", view=account.show, nav="account"),
    PageEntry(path="/dashboard/account/password", view=account.change_password, method="POST", audit="user.password"),
    PageEntry(path="/dashboard/account/zone", view=account.choose_zone, method="POST"),
    PageEntry(path="/dashboard/usage/{file}", view=files.download),
    PageEntry(path="/dashboard/sign-in", view=signing.show, public=True),
    PageEntry(path="/dashboard/sign-in", view=signing.sign_in, method="POST", public=True),
    PageEntry(path="/dashboard/sign-in/provider", view=provider.begin, public=True),
    PageEntry(path=provider.CALLBACK, view=provider.finish, public=True),
    PageEntry(path="/dashboard/sign-out", view=signing.sign_out, method="POST", public=True),
    PageEntry(path="/dashboard/sign-out-everywhere", view=signing.sign_out_everywhere, method="POST"),
    PageEntry(path="/dashboard/theme", view=signing.choose_theme, method="POST", public=True),
)
