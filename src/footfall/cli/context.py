"""What the commands share: the settings of a call, options that change them, and groups that import commands late."""

import contextlib
import difflib
import enum
import functools
import inspect
import logging
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from footfall.cli.failures import SettingsProblems, told_on_one_line
from footfall.settings import Settings
from footfall.settings.load import DEFAULT, PREFIX, Loaded, SettingsInvalid, load
from footfall.system.data_folder import NoData, NotOwner, require_data, require_folder, require_ours
from footfall.system.data_format import DataTooNew, require_known
from footfall.system.served_settings import ServedSettings, served_settings

_CALL = "footfall.call"
_HELP = "footfall.help"

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class OverviewGroup(click.Group):
    """A group whose overview has the first sentence of each command whole, and which knows what a typo may mean."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview; click's own would cut sentences off."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(self.get_command(ctx, name))) for name in self.commands])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the line names; a name that nearly is one is told what it may have meant."""
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
        if near and near[0] != args[0] and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


def _first_sentence(command: click.Command | None) -> str:
    paragraph = " ".join(inspect.cleandoc((command and command.help) or "").partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


class LazyGroup(OverviewGroup):
    """A group whose commands are imported when they are called; `lazy` says where each is and what it does."""

    def __init__(self, *arguments: Any, lazy: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the table's order, which is the order of the overview."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is no such."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's own
        """Write the overview from the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the line up to the command; what is wrong with it becomes one line."""
        with told_on_one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is wrong with the line, and what the system refuses, become one line."""
        with told_on_one_line():
            return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether help is asked for anywhere on the line: it is given even where the settings are broken."""
        ctx.meta[_HELP] = any(name in args for name in ctx.help_option_names)
        return super().parse_args(ctx, args)


def read_pairs(values: Iterable[str], hint: str = "") -> dict[str, str]:
    """KEY=VALUE texts as a mapping; of several with the same key the last counts. Raises BadParameter."""
    pairs = {}
    for value in values:
        key, equals, rest = value.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE{hint}")
        pairs[key.strip()] = rest
    return pairs


class _Call:
    """The sources of the settings that this command line has named so far."""

    def __init__(self, config: Path | None, flags: dict[str, str]) -> None:
        self.config = config
        self.flags = flags
        # The flags that are the command's own options.
        self.options: set[str] = set()
        self.served = ServedSettings()
        self.loaded = Loaded(Settings(), {}, None)


def take_settings(
    context: click.Context, config: Path | None, flags: dict[str, str], data_dir: str | None = None
) -> None:
    """Load the settings into `context.obj`; ends the command with exit code 78 when they cannot be used."""
    # What the libraries log of a connection that is lost, the command says itself; a process of the service has a log.
    for library in ("clickhouse_connect", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    call = context.meta[_CALL] = _Call(config, flags)
    if data_dir is not None:
        call.flags["data_dir"] = data_dir
        call.options.add("data_dir")
    _load(context)


def loaded(context: click.Context) -> Loaded:
    """The settings of this call with their sources."""
    return _call(context).loaded


class Needs(enum.Enum):
    """What a command needs of the data folder."""

    NOTHING = "it is made where it is not there"
    FOLDER = "the folder itself, which may be empty, as a new volume of a container is"
    STATE = "the data of a service, unless the state is in a database of its own"
    DATA = "the data of a service"
    LOOK = "the same, of whatever version: nothing is changed"


def data_command(
    needs: Needs = Needs.DATA, failure: type[click.ClickException] = click.ClickException
) -> Callable[[AnyFunction], AnyFunction]:
    """Pass the settings to a command that uses the data folder, and give it the option --data-dir.

    The command ends with `failure` when the folder is another user's, or lacks what the command needs.
    """

    def decorate(command: AnyFunction) -> AnyFunction:
        @functools.wraps(command)
        def checked(*arguments: Any, **options: Any) -> Any:
            context = click.get_current_context()
            require_data_folder(context.obj, needs, failure)
            if needs in (Needs.STATE, Needs.DATA, Needs.LOOK):
                take_served_settings(context)
            return command(context.obj, *arguments, **options)

        return data_options(cast("AnyFunction", checked))

    return decorate


def settings_command(command: AnyFunction) -> AnyFunction:
    """Pass the settings to a command that need not use the data folder, and give it the option --data-dir."""

    @functools.wraps(command)
    def informed(*arguments: Any, **options: Any) -> Any:
        context = click.get_current_context()
        take_served_settings(context)
        return command(context.obj, *arguments, **options)

    return data_options(cast("AnyFunction", informed))


def take_served_settings(context: click.Context) -> None:
    """Take from the service that runs on the data folder what neither the file, a variable nor an option says.

    The service itself never does: it would take over what the one before it was started with.
    """
    call: _Call | None = context.meta.get(_CALL)
    if call is None:  # the settings were handed over whole
        return
    call.served = served_settings(call.loaded.settings)
    # A setting that another release has otherwise is left out with all others, and stops no command.
    with contextlib.suppress(SettingsInvalid):
        call.loaded = load(call.config, os.environ, call.flags, call.options, call.served.settings)
        context.obj = call.loaded.settings


def untold(*names: str) -> list[str]:
    """Those of these settings that the service has with a secret, and the command was not told."""
    call: _Call | None = click.get_current_context().meta.get(_CALL)
    if call is None:
        return []
    return [name for name in names if name in call.served.withheld and call.loaded.sources[name] == DEFAULT]


def require_told(*names: str) -> None:
    """End the command when the service has one of these settings with a secret, and the command was not told it.

    Else the command would change another database than the service's, or compare with another.
    """
    for name in untold(*names):
        folder = loaded(click.get_current_context()).settings.data.absolute()
        how = f"name it to this command too, with --config or the variable {PREFIX}{name.upper()}"
        raise SettingsProblems(f"the service on {folder} has a {name} of its own, with a password: {how}")


def require_data_folder(
    settings: Settings, needs: Needs = Needs.DATA, failure: type[click.ClickException] = click.ClickException
) -> None:
    """End the command when the data folder is another user's, or lacks what the command needs, and say what to do."""
    try:
        require_ours(settings.data)
        if needs is not Needs.LOOK:
            require_known(settings.data)
        if needs is Needs.FOLDER:
            require_folder(settings.data)
        elif needs in (Needs.DATA, Needs.LOOK) or (needs is Needs.STATE and not settings.state_url):
            require_data(settings.data)
    except NotOwner as error:
        command = f"sudo -u {shlex.quote(error.user)} {click.get_current_context().command_path}"
        raise failure(f"{error}: run this as that user, for example with {command}") from error
    except DataTooNew as error:
        raise failure(str(error)) from error
    except NoData as error:
        raise failure(f"{error}: name another with --data-dir; `footfall serve` makes one") from error
    except OSError as error:
        why = f"the data folder {settings.data}: {error.strerror}"
        hint = ": run this as the user of the service, or name another with --data-dir"
        raise failure(why + (hint if isinstance(error, PermissionError) else "")) from error


def address_options(command: AnyFunction) -> AnyFunction:
    """Options for commands that listen: --host and --port."""
    host = _option("host", "HOST", "Address to listen on; 0.0.0.0 or :: for all.")
    port = _option("port", "PORT", "Port to listen on; 0 takes any free one.")
    return host(port(command))


def data_options(command: AnyFunction) -> AnyFunction:
    """The option for commands that use the data folder: --data-dir."""
    return _option("data_dir", "FOLDER", "Folder for everything that is kept on this machine.")(command)


def _option(name: str, metavar: str, text: str) -> Callable[[AnyFunction], AnyFunction]:
    """An option for a setting: it goes over all other sources, and the command sees it in its settings."""

    def change(context: click.Context, _option: click.Parameter, value: str | None) -> None:
        if value is not None:
            call = _call(context)
            call.flags[name] = value
            call.options.add(name)
            _load(context)

    flag = "--" + name.replace("_", "-")
    return click.option(flag, metavar=metavar, help=text, expose_value=False, callback=change)


def _call(context: click.Context) -> _Call:
    call: _Call = context.meta[_CALL]
    return call


def _load(context: click.Context) -> None:
    call = _call(context)
    try:
        call.loaded = load(call.config, os.environ, call.flags, call.options)
    except SettingsInvalid as error:
        if not context.meta[_HELP]:
            raise SettingsProblems(str(error)) from error
    context.obj = call.loaded.settings
