"""`footfall plan refused`: which events were refused, how often and why."""

from typing import TYPE_CHECKING

import click

from footfall.cli.context import Needs, data_command
from footfall.cli.output import WholeNumber, echo_json
from footfall.cli.tables import echo_table
from footfall.errors import Code
from footfall.settings import Settings
from footfall.wording import moment, plain

if TYPE_CHECKING:
    from footfall.state import RefusedKind

_HEAD = ("EVENTS", "CUSTOMER", "PRODUCT", "TYPE", "REASON", "FIRST", "LAST")


@click.command()
@click.option(
    "--limit", metavar="N", type=WholeNumber(10_000), default=50, help="So many at the most; 50 when not said."
)
@click.option("--all", "every", is_flag=True, help="Requests that could not be read too, or were too large.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def refused(settings: Settings, limit: int, every: bool, as_json: bool) -> None:
    """List which events the tracking plan refused, how often and why.

    Nothing else is kept of them; what quarantine holds is listed by `footfall quarantine list`. Of a request, the
    events up to the hundredth problem are counted; what has not come for 90 days is forgotten.

    \b
    Examples:
      footfall plan refused
      footfall plan refused --json | jq -r '.[].type'
    """
    from footfall.cli.opening import open_state  # noqa: PLC0415 - the group's other commands need no database

    with open_state(settings) as state:
        kinds = state.refusals.all(limit, "" if every else Code.EVENT_NOT_IN_PLAN.value)
    if as_json:
        echo_json(kinds)
        return
    echo_table(_HEAD, map(_row, kinds), "the tracking plan has refused no event yet")


def _row(kind: "RefusedKind") -> tuple[object, ...]:
    reason = f"{kind.place}: {kind.reason}" if kind.place else kind.reason
    texts = map(plain, (kind.customer, kind.product, kind.type, reason))
    return (kind.events, *texts, moment(kind.first_ms), moment(kind.last_ms))
