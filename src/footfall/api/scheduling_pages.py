"""The pages of the manual about schedules, with their examples."""

from collections.abc import Mapping
from typing import Final

from footfall.api.pages import Page
from footfall.api.shapes import ScheduleRequest

SCHEDULE_ID: Final = "7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11"
_SCHEDULE_REQUEST: Final = {
    "name": "Portfolio, every day",
    "every": "day",
    "timezone": "Europe/Berlin",
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
}
_SCHEDULE: Final = {
    "id": SCHEDULE_ID,
    "user": "anna",
    "name": "Portfolio, every day",
    "every": "day",
    "timezone": "Europe/Berlin",
    "graceSeconds": 3600,
    "correctionDays": 7,
    "correction": "full",
    "paused": False,
    "created": 1571073977278,
    "next": {"start": 1571004000000, "end": 1571090399999, "due": 1571094000000},
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
}
_RUN: Final = {
    "start": 1570917600000,
    "end": 1571003999999,
    "correction": 0,
    "status": "COMPLETE",
    "source": "JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068",
    "tries": 1,
    "earlier": [],
    "nextLook": 1571074877278,
}

SCHEDULING: Final[Mapping[tuple[str, str], Page]] = {
    ("POST", "/schedules"): Page(
        "Makes a schedule: a report of every hour, day, week or month, started when the window has closed and the time "
        "of grace is over, with the rights that its owner has then. The reports are the owner's, like all others.",
        request=ScheduleRequest,
        request_example=_SCHEDULE_REQUEST,
        answer_example=_SCHEDULE,
    ),
    ("GET", "/schedules"): Page(
        "The user's schedules; an admin gets all.",
        query={"after": "The `next` of the page before."},
        answer_example={"schedules": [_SCHEDULE]},
    ),
    ("GET", "/schedules/{schedule}"): Page(
        "A schedule with its newest hundred runs: the window, what became of it, and the source of its report.",
        answer_example={**_SCHEDULE, "runs": [_RUN]},
    ),
    ("DELETE", "/schedules/{schedule}"): Page(
        "Removes a schedule, and answers with what it was. Its reports stay, and those that run go on.",
        answer_example=_SCHEDULE,
    ),
    ("POST", "/schedules/{schedule}/pause"): Page(
        "Starts no more reports of the schedule until it is resumed.",
        answer_example={**_SCHEDULE, "paused": True},
    ),
    ("POST", "/schedules/{schedule}/resume"): Page(
        "Goes on with the window at which the schedule was paused: what was missed is made up for. Windows whose "
        "report had failed for good are tried again.",
        answer_example=_SCHEDULE,
    ),
}
