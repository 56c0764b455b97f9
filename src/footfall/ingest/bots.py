"""Bots: which user agents are crawlers and browsers that nobody looks at, and how their events are held.

Bots load pages like everybody else, and what they do there is counted as if somebody had done it. Their events are held
in quarantine, where they can be looked at, and released: a rule that is wrong costs no event.

The rule is short on purpose, so that it can be read: an agent that says of itself what it is. One that claims to be a
browser is taken for one. Programs that send events, and libraries that they use (curl, python-requests), are no bots.
"""

import re
from collections.abc import Iterable
from typing import Final

from footfall.errors import Code, Problem
from footfall.plan import RefusedEvent

# Words that begin or end in these: Googlebot, AdsBot-Google, UptimeRobot, Baiduspider, ia_archiver, Chrome-Lighthouse.
# `cubot` is a maker of phones.
_BOT: Final = re.compile(
    r"(?<!cu)bots?(?![a-z])|crawler|crawling|spider(?![a-z])|slurp|archiver|scraper|fetcher"
    r"|headless|phantomjs|puppeteer|playwright|selenium|webdriver|cypress/|lighthouse|pagespeed|prerender"
    r"|facebookexternalhit|mediapartners-google|feedfetcher|bingpreview|google-inspectiontool|gtmetrix|pingdom|statuscake",
    re.IGNORECASE,
)
REASON: Final = "the user agent is that of a crawler, a monitor or a browser without a screen"
# Characters that are looked at: the longest in use have some 300.
AGENT_CHARS_MAX: Final = 1_000


def is_bot(user_agent: str) -> bool:
    """Whether this is the user agent of a crawler, a monitor or a browser without a screen."""
    return _BOT.search(user_agent[:AGENT_CHARS_MAX]) is not None


def hold_all(refused: Iterable[RefusedEvent], events: int) -> list[RefusedEvent]:
    """All events of a bot's request as refused, beside what else is wrong with some."""
    others = {one.index: one.problems for one in refused}
    return [
        RefusedEvent(index, (Problem(Code.EVENT_FROM_BOT, f"events[{index}].sender", REASON), *others.get(index, ())))
        for index in range(events)
    ]
