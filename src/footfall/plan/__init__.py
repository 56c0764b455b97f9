"""The tracking plan: which customers, products and event types exist, and which values each type's context has.

A plan is a TOML file that people write and review: `load_plan` reads it (or the packaged `default.toml`) and reports
all problems in it, each with its line, as `PlanInvalid`. `compile_plan` turns it into a `Checker`, whose tables make
the check of a good event one dictionary lookup and a comparison of lengths; the problems of a bad one are found off
that path. `LivePlan` holds the current plan and replaces it as a whole or not at all.

From the bytes up: `file` reads and parses, `lines` finds the line of each key, `node` and `reader` turn values into the
`model`, `rules` compiles the model into schemas of contexts, whose regular expressions are run by `expressions`, and
`checker` checks events by them. The work of expressions is bounded for a value, for a body (`RegexBudget`), and in the
event loop, because anybody may choose the values. `generation` writes a plan as source code.
"""

from footfall.plan.checker import Checker, RefusedEvent, compile_plan
from footfall.plan.expressions import ClientLeft, RegexBudget, RegexBudgetSpent
from footfall.plan.file import LivePlan, load_plan, parse_plan
from footfall.plan.generation import generate_python, generate_typescript
from footfall.plan.inference import Inference, Inferred, TooManyTypes
from footfall.plan.model import Column, EventType, Key, Plan, Product, Rule, Source, describe_plan
from footfall.plan.node import name_fault
from footfall.plan.problems import Hints, PlanInvalid, PlanProblem
from footfall.plan.sample import Sample, make_sample
from footfall.plan.toml_text import write_inferred, write_starter

__all__ = [
    "Checker",
    "ClientLeft",
    "Column",
    "EventType",
    "Hints",
    "Inference",
    "Inferred",
    "Key",
    "LivePlan",
    "Plan",
    "PlanInvalid",
    "PlanProblem",
    "Product",
    "RefusedEvent",
    "RegexBudget",
    "RegexBudgetSpent",
    "Rule",
    "Sample",
    "Source",
    "TooManyTypes",
    "compile_plan",
    "describe_plan",
    "generate_python",
    "generate_typescript",
    "load_plan",
    "make_sample",
    "name_fault",
    "parse_plan",
    "write_inferred",
    "write_starter",
]
