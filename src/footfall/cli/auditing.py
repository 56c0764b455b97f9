"""Commands that change something have an entry in the audit log, as calls over HTTP have."""

import functools
import os
import pwd
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from footfall.settings import Settings

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def audited(action: str, target: str = "", hidden: tuple[str, ...] = ()) -> Callable[[AnyFunction], AnyFunction]:
    """Have what the command did written down, with its options but for `hidden` ones; no other is a secret.

    `target` is the parameter that names what was changed. The entry comes after the change: when it cannot be written,
    the command says so on standard error.
    """

    def decorate(command: AnyFunction) -> AnyFunction:
        @functools.wraps(command)
        def wrapped(settings: Settings, *arguments: Any, **options: Any) -> Any:
            done = command(settings, *arguments, **options)
            details = {name: value for name, value in options.items() if value and name not in (target, *hidden)}
            _write(settings, action, str(options.get(target, "")), details)
            return done

        return cast("AnyFunction", wrapped)

    return decorate


def _write(settings: Settings, action: str, target: str, details: dict[str, Any]) -> None:
    from footfall.audit import AuditEvent, write_down  # noqa: PLC0415 - with SQLAlchemy, which not every command loads
    from footfall.cli.opening import open_state  # noqa: PLC0415 - the same
    from footfall.state import StateUnavailable  # noqa: PLC0415 - the same
    from footfall.system.clock import SystemClock  # noqa: PLC0415 - the same
    from footfall.system.data_folder import node_name  # noqa: PLC0415 - the same

    sudo = {"sudo": os.environ["SUDO_USER"]} if os.environ.get("SUDO_USER") else {}
    event = AuditEvent(action=action, who=f"cli:{machine_user()}", target=target, details={**details, **sudo})
    try:
        with open_state(settings) as state:
            write_down(state, settings, SystemClock(), node_name(settings), event)
    except (click.ClickException, StateUnavailable) as error:
        why = error.message if isinstance(error, click.ClickException) else error
        click.echo(f"this is not in the audit log: {why}", err=True)


def machine_user() -> str:
    """The name of the machine's user who gives the command."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
