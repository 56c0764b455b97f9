"""The commands that run the whole service or one of its processes, and `footfall settings`."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from footfall.cli.context import (
    Needs,
    address_options,
    data_command,
    data_options,
    loaded,
    settings_command,
    take_served_settings,
)
from footfall.cli.failures import SettingsProblems
from footfall.cli.tables import terminal_width
from footfall.settings import Settings
from footfall.system.data_folder import is_half_restored
from footfall.system.log import start_log
from footfall.system.memory import bound_arenas
from footfall.system.process import (
    BACKLOG,
    DRAIN_S,
    DRAIN_SIGNAL,
    CannotServe,
    SettingsUnusable,
    bind,
    duplicate_listener,
    inherited_socket,
    is_supervised,
    raise_file_limit_for_connections,
    request_short_turns,
    resume_garbage_collection,
    stop_signals,
    suspend_garbage_collection,
    unblock_stop_signals,
    wait_for_gate,
    watch_parent,
)

# Each command imports what it runs when it runs: the engine's library has 500 MB, and no other process loads it.


@click.command()
@click.option("--check", is_flag=True, help="Say whether a start would succeed, and change nothing.")
@address_options
@data_command(Needs.NOTHING)
def serve(settings: Settings, check: bool) -> None:
    """Run the whole service: the engine, the worker and the web processes, restarted when they fall.

    Stops in order on SIGTERM and Ctrl-C, so that what was acknowledged is loaded; takes up a changed tracking plan on
    SIGHUP; becomes the program that is installed now, without refusing a request, on SIGUSR2.

    \b
    Examples:
      footfall serve
      footfall serve --port 9000 --data-dir /var/lib/footfall
    """
    from footfall.service.supervisor import supervise  # noqa: PLC0415

    _require_whole(settings)
    if check:
        from footfall.service.handover import require_locked_folder  # noqa: PLC0415
        from footfall.service.preparation import check_start  # noqa: PLC0415

        with _told_refusals():
            require_locked_folder(settings.data)
            click.echo(f"footfall serve would start: the plan is {check_start(settings)}")
        return
    start_log(settings, "serve")
    with _told_refusals():
        asyncio.run(supervise(settings))
        # The terminal may be gone, and the reader of a pipe.
        with contextlib.suppress(OSError):
            click.echo(f"footfall is stopped; what it accepted is in {settings.data.resolve()}")


@click.command()
@address_options
@data_command(Needs.FOLDER)
def web(settings: Settings) -> None:
    """Run one web process alone: it accepts events into its journal and answers the API.

    \b
    Example:
      footfall web --data-dir /var/lib/footfall
    """
    suspend_garbage_collection()
    import uvloop  # noqa: PLC0415

    _require_whole(settings)
    start_log(settings, "web")
    request_short_turns()
    watch_parent()
    unblock_stop_signals()
    with _told_refusals():
        listener = inherited_socket() or bind(settings)
        uvloop.run(_web(settings, listener))


@click.command()
@data_command(Needs.FOLDER)
def worker(settings: Settings) -> None:
    """Run one worker alone: it loads the journal into the store and makes the reports.

    \b
    Example:
      footfall worker --data-dir /var/lib/footfall
    """
    suspend_garbage_collection()
    _require_whole(settings)
    start_log(settings, "worker")
    watch_parent()
    os.nice(settings.background_nice)
    with _told_refusals():
        asyncio.run(_worker(settings))


@click.command()
@data_command(Needs.FOLDER)
def engine(settings: Settings) -> None:
    """Run the embedded events engine alone, on a loopback port that it writes to the data folder.

    \b
    Example:
      footfall engine --data-dir /var/lib/footfall
    """
    from footfall.store.engine.process import run_engine  # noqa: PLC0415

    start_log(settings, "engine")
    watch_parent()
    unblock_stop_signals()
    os.nice(settings.background_nice)
    with _told_refusals():
        run_engine(settings)


@contextlib.contextmanager
def _told_refusals() -> Iterator[None]:
    """A start that is not possible becomes a line on standard error, and an exit code that says whose fault it is."""
    try:
        yield
    except SettingsUnusable as error:
        raise SettingsProblems(str(error)) from error
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


def _require_whole(settings: Settings) -> None:
    """Refuse to start on data of which a part is still in a backup."""
    if is_half_restored(settings):
        raise click.ClickException(f"a restore into {settings.data.resolve()} has not finished: run it again")


async def _web(settings: Settings, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415

    from footfall.service import web_process  # noqa: PLC0415
    from footfall.web import STRICT_TRANSPORT  # noqa: PLC0415

    class Server(uvicorn.Server):
        """Leaves signals to the process that it runs in."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def drain(self, sockets: list[socket.socket]) -> None:
            """Accept no more connections, have those that are there end with their next answer, and stop."""
            for server in self.servers:
                server.close()
            for each in sockets:
                each.close()
            end_s = time.monotonic() + DRAIN_S
            while self.server_state.connections and time.monotonic() < end_s:
                for connection in tuple(self.server_state.connections):
                    cast("Any", connection).retire()
                await asyncio.sleep(DRAIN_S / 20)
            self.should_exit = True

    bound_arenas()
    raise_file_limit_for_connections(settings)
    wait_for_gate()
    async with web_process.web(settings) as (application, protocol):
        config = uvicorn.Config(
            application,
            http=cast("type[asyncio.Protocol]", protocol),
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            headers=[STRICT_TRANSPORT] if settings.tls_certificate else None,
            proxy_headers=False,
            ws="none",
            backlog=BACKLOG,
            # The supervisor's time has begun already, and the journal is sealed after this one.
            timeout_graceful_shutdown=cast("int", settings.stop_timeout_s / 2),
        )
        resume_garbage_collection()
        server, sockets = Server(config), duplicate_listener(listener)
        on_stop(lambda: setattr(server, "should_exit", True))
        on_drain(lambda: server.drain(sockets))
        await server.serve(sockets=sockets)


async def _worker(settings: Settings) -> None:
    from footfall.service import worker_process  # noqa: PLC0415

    bound_arenas()
    resume_garbage_collection()
    stop = asyncio.Event()
    on_stop(stop.set)
    await worker_process.worker(settings, stop)


def on_drain(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Call this when the supervisor that takes over asks for it; without a supervisor nobody does."""
    if is_supervised():
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        loop.add_signal_handler(DRAIN_SIGNAL, lambda: tasks.add(loop.create_task(call())))


def on_stop(call: Callable[[], None]) -> None:
    """Call this on SIGTERM and Ctrl-C, or on the supervisor's signal where there is a supervisor."""
    loop = asyncio.get_running_loop()
    for number in stop_signals():
        loop.add_signal_handler(number, call)
    unblock_stop_signals()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: a value and a source for each name.")
@data_options
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
    take_served_settings(context)
    shown = list(loaded(context).shown())
    if as_json:
        table = {name: {"value": value, "source": source} for name, value, source in shown}
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    lines = [(f"{name} = {_toml(value)}", f"  # {source}") for name, value, source in shown]
    width = max(len(line) for line, _ in lines)
    if room := terminal_width():
        width = max((len(line) for line, source in lines if len(line) + len(source) <= room), default=0)
    for line, source in lines:
        # On a narrow terminal, the comment of a long line moves to the left.
        fits = room is None or width + len(source) <= room
        click.echo(f"{line:<{width}}{source}" if fits else f"{line}{source}")


def _toml(value: object) -> str:
    """A value as the settings file has it: a table in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@settings_command
def completion(_: Settings, shell: str) -> None:
    """Print a script with which a shell completes commands and options.

    \b
    Examples:
      footfall completion bash > /etc/bash_completion.d/footfall
      footfall completion zsh > ~/.zfunc/_footfall
      footfall completion fish > ~/.config/fish/completions/footfall.fish
    """
    found = _SHELLS[shell]
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "footfall", "_FOOTFALL_COMPLETE").source())
