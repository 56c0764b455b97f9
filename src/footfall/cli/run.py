"""The commands that run: the whole service, or one of its processes alone."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import cast

import click

from footfall.cli.context import address_options, data_options, pass_own
from footfall.node import is_half_restored
from footfall.process import (
    BACKLOG,
    CannotServe,
    allow_connections,
    bind,
    inherited_socket,
    is_supervised,
    multiply,
    put_off_collecting,
    settle,
    start_log,
    take_short_turns,
    take_stop,
    wait_for_gate,
    watch_parent,
)
from footfall.settings import Settings

# Each command imports what it runs when it runs: the engine's library has 500 MB, and no other process loads it.


@click.command()
@address_options
@data_options
@pass_own
def serve(settings: Settings) -> None:
    """Run the whole service: the engine, the worker and the web processes, restarted when they fall.

    Stops in order on SIGTERM and Ctrl-C, so that what was acknowledged is loaded; takes up a changed tracking plan on
    SIGHUP.
    """
    from footfall.serve import supervise  # noqa: PLC0415

    _require_whole(settings)
    start_log(settings, "serve")
    try:
        asyncio.run(supervise(settings))
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


@click.command()
@address_options
@data_options
@pass_own
def web(settings: Settings) -> None:
    """Run one web process alone: it accepts events into its journal and answers the API."""
    put_off_collecting()
    import uvloop  # noqa: PLC0415

    _require_whole(settings)
    start_log(settings, "web")
    take_short_turns()
    watch_parent()
    take_stop()
    try:
        listener = inherited_socket() or bind(settings)
        uvloop.run(_web(settings, listener))
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


@click.command()
@data_options
@pass_own
def worker(settings: Settings) -> None:
    """Run one worker alone: it loads the journal into the store and makes the reports."""
    put_off_collecting()
    _require_whole(settings)
    start_log(settings, "worker")
    watch_parent()
    os.nice(settings.background_nice)
    try:
        asyncio.run(_worker(settings))
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


@click.command()
@data_options
@pass_own
def engine(settings: Settings) -> None:
    """Run the embedded events engine alone, on a loopback port that it writes to the data folder."""
    from footfall.store.engine import run_engine  # noqa: PLC0415

    start_log(settings, "engine")
    watch_parent()
    take_stop()
    os.nice(settings.background_nice)
    try:
        run_engine(settings)
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


def _require_whole(settings: Settings) -> None:
    """Refuse to start on data of which a part is still in a backup."""
    if is_half_restored(settings):
        raise click.ClickException(f"a restore into {settings.data.resolve()} has not finished: run it again")


async def _web(settings: Settings, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415

    from footfall import app  # noqa: PLC0415

    class Server(uvicorn.Server):
        """Leaves signals to the process that it runs in."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    allow_connections(settings)
    wait_for_gate()
    async with app.web(settings) as (application, door):
        config = uvicorn.Config(
            application,
            http=cast("type[asyncio.Protocol]", door),
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            ws="none",
            backlog=BACKLOG,
            # The supervisor's time has begun already, and the journal is sealed after this one.
            timeout_graceful_shutdown=cast("int", settings.stop_timeout_s / 2),
        )
        settle()
        server = Server(config)
        on_stop(lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=multiply(listener))


async def _worker(settings: Settings) -> None:
    from footfall import app  # noqa: PLC0415

    settle()
    stop = asyncio.Event()
    on_stop(stop.set)
    await app.worker(settings, stop)


def on_stop(call: Callable[[], None]) -> None:
    """Call this on SIGTERM, and on Ctrl-C where no supervisor sees to that."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, call)
    if not is_supervised():
        loop.add_signal_handler(signal.SIGINT, call)
    take_stop()
