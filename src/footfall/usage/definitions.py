"""What each number is, in one sentence: the texts of docs/statistics.md, which the API serves too."""

from typing import Final

from msgspec import Struct


class Definition(Struct, frozen=True):
    """A number's name in answers, and what it is."""

    name: str
    text: str


DEFINITIONS: Final = (
    Definition(
        "events",
        "The selected events, each once, however often its request was sent with the same `Idempotency-Key`.",
    ),
    Definition(
        "duplicates",
        "Events that are equal to one that an earlier request had brought: with `duplicates=keep` they are among the "
        "events, with `drop` they are not.",
    ),
    Definition("late", "Events that were received more than `lateAfter` seconds after their timestamp."),
    Definition("uniques", "Distinct actors of an interval; the total is a count of its own, and no sum of intervals."),
    Definition("rolling", "Distinct actors of a day and the days before it, so many days together."),
    Definition("without", "Events that have no actor, because their key is empty or the plan names none."),
    Definition(
        "retention",
        "Of the actors whose first selected event lies in one interval, those with an event in each later one.",
    ),
    Definition(
        "funnel",
        "Actors with an event of each step up to this one, in order, the last at most `window` after the first.",
    ),
    Definition(
        "conversion", "Actors of a step as a share of those of the first step; `fromPrevious`, of the step before."
    ),
    Definition(
        "median",
        "The median, over the actors that reached a step, of the time from their last event of the step before to the "
        "event by which they first reached it.",
    ),
    Definition(
        "paths",
        "How often an actor's events right after (or before) one of a type have these types, in the order of their "
        "timestamp, batch and sequence.",
    ),
    Definition("top", "The values of a key with most events; of equally many, the first in the order of their bytes."),
    Definition(
        "change", "How many more events than in the period before, as a share of those; null where there were none."
    ),
)
