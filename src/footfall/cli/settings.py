"""`footfall settings`: what is in force, and where each value comes from."""

import json

import click

from footfall.cli.context import loaded


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: a value and a source for each name.")
@click.pass_context
def settings(context: click.Context, as_json: bool) -> None:
    """Show the settings in force and where each comes from.

    The output has the form of the settings file; the source stands in the comment: default, the file, a variable or
    flag. Passwords are shown as ***.

    \b
    Examples:
      footfall settings
      footfall --config /etc/footfall.toml settings --json
      FOOTFALL_PORT=9000 footfall settings | grep -v '# default'
    """
    shown = list(loaded(context).shown())
    if as_json:
        table = {name: {"value": value, "source": source} for name, value, source in shown}
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    lines = [(f"{name} = {_toml(value)}", source) for name, value, source in shown]
    width = max(len(line) for line, _ in lines)
    for line, source in lines:
        click.echo(f"{line:<{width}}  # {source}")


def _toml(value: object) -> str:
    """A value as the settings file has it: a table in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
