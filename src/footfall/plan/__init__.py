"""The tracking plan: which customers, products and event types exist, and what each type's context holds.

A plan is a TOML file that people write and review: `load` reads it (or the packaged `default.toml`) and reports
everything that is wrong with it, each with its line, as `PlanInvalid`. `compile` turns it into a `Checker`, whose
tables make the check of a good event one dictionary lookup and a comparison of lengths; what is wrong with a bad one is
worked out off that path. `LivePlan` holds the plan in force and changes it for a new one at once or not at all.

From the bytes up: `file` reads and parses, `lines` knows on which line everything stands, `node` and `reader` turn
values into the `model`, `rules` and `shapes` turn the model into tables, with `expressions` that RE2 runs, `checker`
uses them. What strangers can have expressions do is bounded: for a value, for a body (`work`), and in the event loop.
"""

from footfall.plan.checker import Checker, Refused, compile_plan
from footfall.plan.expressions import ClientLeft, TooMuchWork, Work
from footfall.plan.file import LivePlan, load
from footfall.plan.model import Column, EventType, Key, Plan, Product, Rule, Source, describe
from footfall.plan.problems import Hints, PlanInvalid, PlanProblem

__all__ = [
    "Checker",
    "ClientLeft",
    "Column",
    "EventType",
    "Hints",
    "Key",
    "LivePlan",
    "Plan",
    "PlanInvalid",
    "PlanProblem",
    "Product",
    "Refused",
    "Rule",
    "Source",
    "TooMuchWork",
    "Work",
    "compile_plan",
    "describe",
    "load",
]
