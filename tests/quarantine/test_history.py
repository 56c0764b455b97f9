"""What a changed plan would have refused of the stored events."""

import re
import uuid

import pytest
from click.testing import CliRunner
from msgspec import structs
from quarantined import PLAN, TIME, WIDER, event

from footfall.cli import main
from footfall.plan import compile_plan, load_plan
from footfall.quarantine import Broken, HistoryRange, HistoryResult, check_history

DAY_MS = 86_400_000


def stored(number: int, **changes):
    """An event as a segment has it."""
    stamps = {"sequence": number + 1, "batch": str(uuid.UUID(int=1)), "received": TIME, "admitted": TIME}
    return event("OPENED", str(number)) | stamps | changes


def fill(there, make_segment, events) -> None:
    there.store.migrate()
    there.store.load(make_segment(there.data / "segment", events))


def verdict(there, plan: str, seen=lambda *_: None, **wanted) -> HistoryResult:
    there.plan_file.write_text(plan)
    checker = compile_plan(load_plan(there.plan_file), there.settings, thorough=True)
    history = HistoryRange(**{"start": 0, "end": 2 * TIME} | wanted)
    return check_history(there.store, history, checker, seen)


def test_refusals_are_counted_by_reason_and_type_with_an_example(node, make_segment):
    there = node(problems_max=3)
    events = [stored(number) for number in range(100)]
    events += [stored(number, type="BOUGHT", context=["u", "i"]) for number in range(100, 130)]
    events += [stored(number, type="BOUGHT", context=["u", ""]) for number in range(130, 140)]
    fill(there, make_segment, events + events)
    assert verdict(there, PLAN) == HistoryResult(140, 0, [])
    narrower = PLAN.replace("OPENED =", "LOADED =") + '[[rules]]\nkeys = ["item"]\nnon_empty = true\n'
    found = verdict(there, narrower)
    assert (found.events, found.refused) == (140, 110)
    unknown, empty = found.broken
    assert (unknown.type, unknown.events, unknown.reason) == (
        "OPENED",
        100,
        "type: OPENED is not in the tracking plan for product SHOP",
    )
    assert (empty.type, empty.events, empty.reason) == ("BOUGHT", 10, "context[1]: item must not be empty")
    batch, _, sequence = empty.example.partition("/")
    assert (batch, 131 <= int(sequence) <= 140) == (str(uuid.UUID(int=1)), True)


def test_only_the_time_and_the_customers_that_are_asked_for_are_looked_at(node, make_segment):
    there = node()
    events = [
        stored(0, timestamp=TIME - 400 * DAY_MS),
        stored(1),
        stored(2, timestamp=TIME + DAY_MS),
        stored(3, customer="D"),
        stored(4, customer="E"),
    ]
    fill(there, make_segment, events)
    cases = [
        ({}, 5),
        ({"start": TIME}, 4),
        ({"start": TIME, "end": TIME}, 3),
        ({"start": TIME + 1}, 1),
        ({"customers": ("D", "E")}, 2),
        ({"customers": ("F",)}, 0),
    ]
    for wanted, events_expected in cases:
        found = verdict(there, PLAN.replace("OPENED", "LOADED"), **wanted)
        assert (found.events, found.refused) == (events_expected, events_expected), wanted


def test_many_events_come_in_blocks(node, make_segment):
    there = node()
    fill(there, make_segment, (stored(number, context=["x" * 50]) for number in range(40_000)))
    seen: list[tuple[int, int]] = []
    found = verdict(there, PLAN.replace("OPENED", "LOADED"), lambda *counts: seen.append(counts))
    assert found.refused == 40_000
    assert (seen[-1], len(seen) > 3) == ((40_000, 40_000), True)


def test_ways_to_be_wrong_are_bounded_and_still_counted(node, make_segment):
    there = node()
    fill(there, make_segment, (stored(number, type=f"T{number}") for number in range(1500)))
    found = verdict(there, PLAN)
    assert (found.refused, len(found.broken), found.broken[0].events) == (1500, 1000, 1)


def command(there, *arguments: str, name: str = "check"):
    names = ("events_url", "data_dir", "plan_mode")
    environment = {f"FOOTFALL_{name.upper()}": str(getattr(there.settings, name)) for name in names}
    return CliRunner().invoke(main, ["plan", name, *arguments], env=environment, catch_exceptions=False)


def test_the_command_says_what_would_be_refused_and_ends_with_1(node, make_segment):
    there = node()
    now = there.clock.now_ms()
    fill(there, make_segment, [stored(0, timestamp=now - DAY_MS), stored(1, timestamp=now - 40 * DAY_MS)])
    there.plan_file.write_text(PLAN.replace("OPENED", "LOADED"))
    found = command(there, str(there.plan_file), "--against-history", "30d")
    assert found.exit_code == 1
    first, second, head, row = found.stdout.splitlines()
    assert "good, fingerprint" in first
    assert second.startswith("of 1 event since ")
    assert second.endswith("Z the plan would have refused 1")
    assert head.split() == ["EVENTS", "PRODUCT", "TYPE", "EXAMPLE", "REASON"]
    assert row.split()[:4] == ["1", "SHOP", "OPENED", f"{uuid.UUID(int=1)}/1"]
    assert "of 2 events" in command(there, str(there.plan_file), "--against-history", "2000-01-01").stdout
    # In open mode nobody would be refused; the question is what the plan refuses when it holds.
    there.settings = structs.replace(there.settings, plan_mode="open")
    there.plan_file.write_text(PLAN.replace("SHOP", "STORE"))
    found = command(there, str(there.plan_file), "--against-history", "30d")
    assert (found.exit_code, "would have refused 1" in found.stdout) == (1, True)
    there.plan_file.write_text('customers = ["C", "D", "E"]\n' + PLAN)
    good = [str(there.plan_file), "--against-history", "30d", "--customer", "D", "--customer", "E"]
    assert command(there, *good).exit_code == 0
    there.plan_file.write_text(WIDER)
    assert command(there, str(there.plan_file), "--against-history", "30d").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--against-history", "soon"], 2, "is no time"),
        (["--customer", "C"], 2, "goes with --against-history"),
    ],
)
def test_what_the_command_cannot_read_it_says(node, arguments, code, said):
    there = node()
    found = command(there, str(there.plan_file), *arguments)
    assert (found.exit_code, said in found.stderr) == (code, True)


def test_without_a_store_the_command_fails_in_one_line(node):
    there = node(events_url="embedded")
    found = command(there, str(there.plan_file), "--against-history", "1d")
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: footfall does not run on ")
    assert len(found.stderr.splitlines()) == 1


def test_equal_events_are_judged_once_and_by_what_counts(node, make_segment):
    there = node()
    fill(there, make_segment, [stored(0), stored(0, admitted=TIME + 1, type="BOUGHT")])
    assert verdict(there, PLAN) == HistoryResult(1, 0, [])
    assert verdict(there, PLAN.replace("OPENED", "LOADED")).broken[0] == Broken(
        "SHOP", "OPENED", "type: OPENED is not in the tracking plan for product SHOP", 1, f"{uuid.UUID(int=1)}/1"
    )


def test_a_customer_whom_nobody_knows_is_refused_before_anything_is_read(node, make_segment):
    there = node()
    fill(there, make_segment, [stored(0)])
    there.plan_file.write_text('customers = ["ACME"]\n' + PLAN)
    said = command(there, str(there.plan_file), "--against-history", "2000-01-01", "--customer", "ACMEE")
    why = "neither the tracking plan nor the store knows the customer ACMEE; did you mean ACME?"
    assert (said.exit_code, said.stderr) == (1, f"Error: {why}\n")
    known = command(there, str(there.plan_file), "--against-history", "2000-01-01", "--customer", "C")
    assert "of 1 event " in known.stdout


def test_where_nobody_watches_progress_is_a_line_for_each_tenth_at_the_most(node, make_segment):
    there = node()
    fill(there, make_segment, (stored(number, context=["x" * 50]) for number in range(40_000)))
    said = command(there, str(there.plan_file), "--against-history", "2000-01-01").stderr.splitlines()
    assert 2 <= len(said) <= 9
    assert all(re.fullmatch(r"events: [\d,]+ of 40,000", line) for line in said)
    fill(there, make_segment, [stored(0, product="SMALL")])
    assert command(there, "--product", "SMALL", name="infer").stderr == "from 1 event: products 1, types 1\n"


def test_an_inferred_plan_accepts_the_events_that_it_was_inferred_from(node, make_segment):
    there = node()
    events = [stored(number, type="SEEN", context=[f"u{number}", str(number)]) for number in range(50)]
    events += [stored(number, customer="D", product="OTHER", timestamp=TIME + DAY_MS) for number in range(50, 60)]
    fill(there, make_segment, events)
    found = command(there, name="infer")
    assert found.exit_code == 0
    assert found.stderr == "from 60 events: products 2, types 2\n"
    assert 'SEEN = ["text1", "integer2"]  # 50 events' in found.stdout
    there.plan_file.write_text(found.stdout)
    checked = command(there, str(there.plan_file), "--against-history", "2000-01-01")
    assert (checked.exit_code, "of 60 events" in checked.stdout) == (0, True)
    day = "2019-09-14"
    for arguments in (["--product", "OTHER"], ["--customer", "D"], ["--from", day]):
        assert command(there, *arguments, name="infer").stderr == "from 10 events: products 1, types 1\n"
    for until, events_seen in (
        (day, "60 events: products 2, types 2"),
        ("2019-09-13", "50 events: products 1, types 1"),
    ):
        assert command(there, "--until", until, name="infer").stderr == f"from {events_seen}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--product", "SHOPP"], "the store has no event in that time of product SHOPP"),
        (["--customer", "X", "--customer", "C"], "the store has no event in that time of customer X"),
        (["--from", "1d"], "the store has no such event: send some first, with plan_mode open"),
    ],
)
def test_what_nothing_can_be_inferred_from_is_said(node, make_segment, arguments, said):
    there = node()
    fill(there, make_segment, [stored(0)])
    found = command(there, *arguments, name="infer")
    assert (found.exit_code, found.stdout, found.stderr) == (1, "", f"Error: {said}\n")
