"""The calls about schedules: make one, list, show, pause, resume and remove them."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import PathParameter

from footfall.api.reporting import UNCACHED, read_json
from footfall.api.rooms import Rooms
from footfall.errors import Code, Problem, RequestRefused
from footfall.schedules import ScheduleShown, SchedulesPage
from footfall.state import User

Call = Request[User, Any, Any]
Id = Annotated[str, PathParameter(description="The schedule's `id`.")]


async def add_schedule(request: Call, rooms: NamedDependency[Rooms]) -> Response[ScheduleShown]:
    body = await read_json(request, rooms.settings)
    return _answer(await asyncio.to_thread(rooms.schedules.add, request.user, body))


async def list_schedules(request: Call, rooms: NamedDependency[Rooms]) -> Response[SchedulesPage]:
    after = request.query_params.get("after", "")
    if not (after.isascii() and (after.isprintable() or not after)):
        code = Code.REQUEST_PARAMETER_MALFORMED
        problem = Problem(code, "after", "must be the `next` of the page before")
        raise RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))
    page = await asyncio.to_thread(rooms.schedules.page, request.user, after)
    return Response(page, headers=UNCACHED)


async def show_schedule(request: Call, rooms: NamedDependency[Rooms], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.find, request.user, schedule))


async def remove_schedule(request: Call, rooms: NamedDependency[Rooms], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.remove, request.user, schedule))


async def pause_schedule(request: Call, rooms: NamedDependency[Rooms], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.pause, request.user, schedule))


async def resume_schedule(request: Call, rooms: NamedDependency[Rooms], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.resume, request.user, schedule))


def _answer(shown: ScheduleShown) -> Response[ScheduleShown]:
    return Response(shown, status_code=200, headers=UNCACHED)
