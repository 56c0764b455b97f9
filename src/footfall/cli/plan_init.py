"""`footfall plan init`: the first plan of one's own, from options or from answers on a terminal."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from footfall.cli.context import settings_command
from footfall.cli.failures import Problems, program_name
from footfall.plan import Plan, PlanInvalid, make_sample, name_fault, parse_plan, write_starter
from footfall.settings import Settings
from footfall.system.clock import SystemClock

Types = dict[str, tuple[str, ...]]
_NAMES = "letters, digits, - and _ are best"


def _name(text: str) -> str:
    if fault := name_fault(text):
        raise click.BadParameter(f"{text!r} {fault}")
    return text


def _name_or_end(text: str) -> str:
    if "=" in text:
        raise click.BadParameter("the name alone; its keys are asked for next")
    return text.strip() and _name(text.strip())


def _names(text: str) -> tuple[str, ...]:
    """Names between commas; none in an empty text. Raises BadParameter."""
    found = tuple(_name(name.strip()) for name in text.split(",")) if text.strip() else ()
    if len(set(found)) < len(found):
        raise click.BadParameter("a name is given twice")
    return found


def _keys(text: str) -> tuple[str, ...]:
    """The keys of a context, `?` behind optional ones. Raises BadParameter."""
    found = _names(text)
    plain = [_name(key.removesuffix("?")) for key in found]
    if spaced := next((key for key in plain if " " in key), None):
        raise click.BadParameter(f"{spaced!r} has a blank in it: put commas between keys")
    if len(set(plain)) < len(plain):
        raise click.BadParameter("a key is given twice")
    if sorted(found, key=lambda key: key.endswith("?")) != list(found):
        raise click.BadParameter("keys with a question mark are optional, and come last")
    return found


def _read_type(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, keys = text.partition("=")
    return _name(name.strip()), _keys(keys)


def _types(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Types:
    found: Types = {}
    for name, keys in map(_read_type, values):
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = keys
    return found


def _customers(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_name, values)))


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("plan.toml"), required=False)
@click.option("--product", metavar="CODE", help="The product: what sends the events, such as SHOP.")
@click.option(
    "--type",
    "types",
    metavar="TYPE=KEY,KEY?",
    multiple=True,
    callback=_types,
    help="A type of events, and the keys of its context; ? for optional ones. Repeat it.",
)
@click.option(
    "--customer",
    "customers",
    metavar="CODE",
    multiple=True,
    callback=_customers,
    help="A customer that may send events; repeat it. Every one may, when none is named.",
)
@settings_command
def init(settings: Settings, file: Path, product: str | None, types: Types, customers: tuple[str, ...]) -> None:
    """Write a first plan of your own into FILE, plan.toml when not said.

    On a terminal it asks for what the options do not say. A file that exists is left as it is.

    \b
    Examples:
      footfall plan init
      footfall plan init shop.toml --product SHOP --customer ACME \\
        --type SHOP-OPENED=userId --type 'ORDER-PLACED=userId,orderId,coupon?'
    """
    if file.exists():
        raise click.ClickException(f"{file} exists already, and stays as it is: name another file")
    if not (product and types):
        if not sys.stdin.isatty():
            missing = " and ".join(option for option, said in (("--product", product), ("--type", types)) if not said)
            raise click.UsageError(f"say {missing}; without a terminal nothing is asked")
        product, types, customers = _ask(file, product, types, customers)
    try:
        text = write_starter(_name(product), types, customers)
        found = parse_plan(text.encode(), str(file))
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    _write(file, text)
    click.echo(_next_steps(settings, file, found))


def _ask(
    file: Path, product: str | None, types: Mapping[str, tuple[str, ...]], customers: tuple[str, ...]
) -> tuple[str, Types, tuple[str, ...]]:
    """Ask for what is missing."""
    click.echo("A plan says which events there may be, and what they hold. It becomes one file,")
    click.echo(f"{file}, which you can change at any time. Ctrl-C ends this without a file.\n")
    if not product:
        product = click.prompt(f"Product, such as SHOP ({_NAMES})", value_proc=lambda text: _name(text.strip()))
    if not customers:
        text = "Customers, with commas between (nothing for every customer)"
        customers = click.prompt(text, default="", show_default=False, value_proc=_names)
    found = dict(types)
    if not found:
        click.echo(f"\nTypes of events of {product}, such as ORDER-PLACED; nothing when there are no more.")
        click.echo("The keys of a context are in the order of its values; ? makes one optional.")
    while not types:
        name = click.prompt("Type", default="", show_default=False, value_proc=_name_or_end)
        if not name and found:
            break
        if not name:
            click.echo("A plan has at least one type.")
            continue
        if name in found:
            click.echo(f"{name} has its keys already: {', '.join(found[name]) or 'none'}.")
            continue
        text = "  Keys of its context, such as userId, orderId, coupon?"
        found[name] = click.prompt(text, default="", show_default=False, value_proc=_keys)
    return str(product), found, customers


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error


def _next_steps(settings: Settings, file: Path, plan: Plan) -> str:
    """What was written, and the commands that follow."""
    sample = make_sample(plan, settings)
    event = {
        "customer": sample.customer,
        "product": sample.product,
        "type": sample.type,
        "timestamp": SystemClock().now_ms(),
        "context": sample.context,
    }
    name, program = shlex.quote(str(file)), program_name()
    scheme = "https" if settings.tls_certificate else "http"
    url = settings.public_url or f"{scheme}://127.0.0.1:{settings.port}"
    body = shlex.quote(msgspec.json.encode({"events": [event]}).decode())
    customers = ", ".join(plan.customers) or "any"
    return "\n".join(
        (
            f"{file} is written. Product {sample.product}, types: {len(plan.types)}, customers: {customers}.",
            "",
            "Read it and change it; this says whether it is good:",
            f"  {program} plan check {name}",
            "Run the service with it:",
            f"  {program} --set plan={name} serve",
            f"  or, for all commands, the line  plan = {str(file)!r}  in footfall.toml",
            "Send an event:",
            f"  curl {url}/events -H content-type:application/json -d {body}",
        )
    )
