"""The manual, docs/http-api.md, says what the service does."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from footfall import errors, usage
from footfall.erasure import DryRun, ErasureShown
from footfall.quarantine import Page
from footfall.receipts import Receipt
from footfall.reports import Estimate
from footfall.schedules import ScheduleShown
from footfall.settings import Settings
from footfall.views import ShownShare, ShownView
from footfall.web import ROUTES
from footfall.web.calls.audit import AuditPage
from footfall.web.calls.factors import FactorBegun, FactorConfirmed, FactorShown
from footfall.web.calls.keys import KeyIssued, KeysPage
from footfall.web.calls.quarantine import Dropped, Released
from footfall.web.openapi.texts import ADVICE
from footfall.web.plan_body import PlanShown
from footfall.wire import (
    ErrorNode,
    ReportLink,
    ReportStatus,
    ServiceAuthenticate,
    ServiceVersion,
    SystemVersion,
    encode,
)

MANUAL = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text("utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.+?)\n```", MANUAL, re.DOTALL)]


STATISTICS = (
    *(usage.Counts, usage.Uniques, usage.ActorRetention, usage.Funnel, usage.Paths, usage.Top),
    *(usage.PeriodComparison, usage.UsageSummary, usage.EventList, usage.TypesSeen),
)


def test_every_public_call_has_its_section():
    described = re.findall(r"^## ((?:GET|POST|DELETE) \S+)$", MANUAL, re.MULTILINE)
    assert described == [f"{route.method} {route.path}" for route in ROUTES if route.public]


def test_calls_that_need_a_user_are_marked():
    marked = re.findall(r"^## \w+ (\S+)\n\n\*user\* ", MANUAL, re.MULTILINE)
    assert marked == [route.path for route in ROUTES if route.signed_in]


def test_the_table_of_errors_is_that_of_the_service():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", MANUAL, re.MULTILINE)
    assert sorted(rows) == sorted((str(errors.STATUS[code]), code.value, text) for code, text in ADVICE.items())


def test_the_limits_are_settings():
    names = re.findall(r"^\| .+ \| .+ \| `(\w+)` \| .+ \|$", MANUAL, re.MULTILINE)
    assert len(names) > 10
    assert set(names) <= set(Settings.__struct_fields__)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example)[:40])
def test_examples_have_the_keys_of_the_wire_in_their_order(example):
    kinds = (ReportStatus, ReportLink, ServiceAuthenticate, SystemVersion, ServiceVersion, list[ErrorNode])
    kinds += (list[ReportStatus], *STATISTICS, Receipt, Page, Released, Dropped, ScheduleShown, Estimate, PlanShown)
    kinds += (ShownView, ShownShare, DryRun, ErasureShown)
    kinds += (KeyIssued, KeysPage, AuditPage, FactorShown, FactorBegun, FactorConfirmed)
    made = []
    for kind in kinds:
        try:
            made.append(encode(msgspec.convert(example, kind)).decode())
        except msgspec.ValidationError:
            continue
    plain = json.dumps(example, separators=(",", ":"))
    is_event = isinstance(example, list) and "batch" in example[0]
    assert is_event or plain in made
