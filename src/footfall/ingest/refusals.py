"""Refusals of the pipeline's steps: bodies that are too slow, too large, unreadable, too much work, or off the plan."""

from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import RefusedEvent
from footfall.settings import Settings


def too_slow(settings: Settings) -> RequestRefused:
    """The refusal of a body that did not arrive in time."""
    return RequestRefused(Code.REQUEST_TIMED_OUT, f"the body did not arrive within {settings.body_timeout_s} s")


def too_large(settings: Settings) -> RequestRefused:
    """The refusal of a body that is longer than may be."""
    text = f"the body is longer than {settings.body_bytes_max} bytes"
    problem = Problem(Code.REQUEST_TOO_LARGE, "body", "send fewer events in one request, or compress it")
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


def unsupported(where: str, value: str, advice: str) -> RequestRefused:
    """The refusal of a content type or encoding that nobody reads here."""
    problem = Problem(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, where, f"{value[:100]!r} is not taken here: {advice}")
    return RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, f"unsupported {where}", (problem,))


def too_much_work(settings: Settings) -> RequestRefused:
    """The refusal of a body that keeps a thread busy for too long."""
    text = f"regular expressions of the tracking plan take more than {settings.regex_cpu_s_max} s for this request"
    problem = Problem(Code.REQUEST_TOO_LARGE, "events", "send fewer events in one request, or shorter values")
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


def not_in_plan(refused: list[RefusedEvent], events: int, settings: Settings) -> RequestRefused:
    """The refusal of a request of so many events, some of which break the plan."""
    problems = tuple(problem for item in refused for problem in item.problems)
    noun = "one event breaks" if len(refused) == 1 else f"{len(refused)} events break"
    # The checker stops when it has as many problems as an error names.
    stopped = len(problems) >= settings.problems_max and refused[-1].index < events - 1
    text = f"{'at least ' if stopped else ''}{noun} the tracking plan; nothing was stored"
    return RequestRefused(Code.EVENT_NOT_IN_PLAN, text, problems)
