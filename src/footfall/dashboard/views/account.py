"""My account: who is signed in, what they may see, and in which browsers they are signed in."""

from footfall.dashboard.visit import Rendered, Shown, Visit


async def show(visit: Visit) -> Shown:
    """The user's rights, and their sessions, of which the one that asks is marked."""
    sessions = await visit.services.sessions.list(visit.user)
    here = visit.signed_in.session.token_hash if visit.signed_in else ""
    shown = [(session, session.token_hash == here, browser(session.agent)) for session in sessions]
    return Rendered("account.html", {"sessions": shown})


# What browsers call themselves, by a mark that only they have, the more special ones first.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(agent: str) -> str:
    """A browser's name for people, `Firefox, Windows`; what it calls itself where it is none of the known ones."""
    names = [next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, names)) or agent[:60]
