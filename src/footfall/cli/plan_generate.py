"""`footfall plan generate`: the plan as source code, whose use a type checker checks.

The code goes to standard output, and is the same for the same plan.
"""

from pathlib import Path

import click

from footfall.cli.context import settings_command
from footfall.cli.failures import Problems
from footfall.plan import PlanInvalid, generate_python, generate_typescript, load_plan
from footfall.service.composition import plan_path
from footfall.settings import Settings

_LANGUAGES = {"python": generate_python, "typescript": generate_typescript}


@click.command()
@click.argument("language", type=click.Choice(tuple(_LANGUAGES)))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@settings_command
def generate(settings: Settings, language: str, file: Path | None) -> None:
    """Write a plan as source code: a function for each type of events.

    A type checker then finds a key that is missing or mistyped, and an editor completes them. The code imports nothing
    of footfall, so that it can be kept in the repository of the program that sends the events. It names the plan's
    fingerprint: generate it again when the plan has changed.

    Without FILE it is the plan that the service would use.

    \b
    Examples:
      footfall plan generate python > events.py
      footfall plan generate typescript next-plan.toml > events.ts
    """
    try:
        plan = load_plan(file or plan_path(settings))
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    click.echo(_LANGUAGES[language](plan), nl=False)
