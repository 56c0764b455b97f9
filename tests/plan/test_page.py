"""What docs/tracking-plan.md shows is true: its plans load, its answers and errors are those of the code."""

import json
import re
from pathlib import Path

import pytest

from footfall.plan import PlanInvalid, compile_plan, load_plan
from footfall.settings import Settings, limits
from footfall.wire import StoredEvent

PAGE = (Path(__file__).parents[2] / "docs/tracking-plan.md").read_text()
WHOLE, *OTHERS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def event(customer, product, kind, *context):
    return StoredEvent(customer=customer, product=product, type=kind, timestamp=1, context=list(context))


def load_text(tmp_path, text):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return load_plan(path)


@pytest.mark.parametrize("text", [WHOLE, *OTHERS])
def test_every_plan_of_the_page_loads(tmp_path, text):
    """A block of rules stands on the whole plan at the top of the page."""
    assert load_text(tmp_path, WHOLE + "\n" + text if text.startswith("[[rules]]") else text)


def test_example_event_fits_the_whole_plan(tmp_path):
    (text,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert compile_plan(load_text(tmp_path, WHOLE), Settings()).check([StoredEvent(**json.loads(text))]) == []


def test_good_contexts_of_optional_keys_are_good(tmp_path):
    checker = compile_plan(load_text(tmp_path, OTHERS[0]), Settings())
    contexts = [json.loads(context) for context in re.findall(r"`(\[\"u-17\".*?\])`", PAGE)]
    assert len(contexts) == 4
    assert checker.check([event("ACME", "SEARCH", "SEARCHED", *context) for context in contexts]) == []


def test_answers_of_the_page_are_the_checkers(tmp_path):
    refused = compile_plan(load_text(tmp_path, WHOLE), Settings()).check(
        [
            event("ACMEE", "SHOP", "ITEM-ADDED", "u", "o", "s"),
            event("ACME", "STORE", "ITEM-ADDED", "u", "o", "s"),
            event("ACME", "SHOP", "ITEM-ADDEDD", "u", "o", "s"),
            event("ACME", "SHOP", "ITEM-ADDED", "u", "o"),
            event("ACME", "SHOP", "SHOP-CLOSED", "u"),
            event("ACME", "SHOP", "ITEM-ADDED", None, "o", "s"),
            event("GLOBEX", "SHOP", "ITEM-ADDED", "u", "o", "s"),
        ]
    )
    rows = [f"| `{problem.where}` | {problem.why} |" for each in refused for problem in each.problems]
    assert re.findall(r"^\| `events.*$", PAGE, re.MULTILINE) == rows


def test_errors_of_the_page_are_the_loaders(tmp_path):
    text = (
        WHOLE.replace('["ACME", "GLOBEX"]', '["ACME", "ACME"]')
        .replace('"orderId", "sku"]\nORDER', '"orderId", "skus"]\nORDER')
        .replace('"channel", "coupon?"', '"coupon?", "channel"')
        .replace('customers = ["GLOBEX"]', 'customers = ["INITECH"]')
        .replace("uuid = true", 'regex = "sku-[0-9"')
    )
    with pytest.raises(PlanInvalid) as caught:
        load_text(tmp_path, text)
    shown = re.findall(r"^plan\.toml:.*$", PAGE, re.MULTILINE)
    assert [line.rpartition("/")[2] for line in str(caught.value).splitlines()] == shown


def test_page_names_every_key_and_bound():
    for key in ["customers", "products.NAME.columns", "products.NAME.types", "rules"]:
        assert f"| `{key}` |" in PAGE
    for demand in ["non_empty = true", "uuid = true", "one_of = ", "regex = ", "optional = true", "optional = false"]:
        assert f"| `{demand}" in PAGE
    assert f"up to {limits.CODE_CHARS_MAX} characters" in PAGE
    assert f"at most {limits.CONTEXT_VALUES_MAX} keys" in PAGE
