"""Collecting events as Python services usually do: FastAPI, pydantic, SQLAlchemy with asyncpg, PostgreSQL.

Written as somebody with experience would: one transaction a request, one bulk insert, a pool of connections that stay
open, an answer that is encoded by compiled code and not validated again. It checks the shape of events, and no tracking
plan.
"""

import asyncio
import gzip
import os
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Index, Integer, Text, Uuid, func, insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from footfall.system import zstd

Code = Annotated[str, Field(min_length=1, max_length=200)]


class Base(DeclarativeBase):
    pass


class Event(Base):
    """The table."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_time", "customer", "product", "timestamp"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    customer: Mapped[str] = mapped_column(Text)
    product: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(Text)
    timestamp: Mapped[int] = mapped_column(BigInteger)
    context: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sequence: Mapped[int] = mapped_column(Integer)
    batch: Mapped[uuid.UUID] = mapped_column(Uuid)
    received: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class EventIn(BaseModel):
    customer: Code
    product: Code
    type: Code
    version: str | None = Field(default=None, max_length=200)
    timestamp: int
    context: list[str] = Field(max_length=64)


class Events(BaseModel):
    events: list[EventIn] = []


class PackedRequest(Request):
    """A request whose body may be compressed."""

    async def body(self) -> bytes:
        if not hasattr(self, "_unpacked"):
            body = await super().body()
            match self.headers.get("content-encoding"):
                case "gzip":
                    body = gzip.decompress(body)
                case "zstd":
                    body = zstd.ZstdDecompressor().decompress(body)
            self._unpacked = body
        return self._unpacked


class PackedRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(PackedRequest(request.scope, request.receive))

        return handle


engine = create_async_engine(os.environ["PEER_DATABASE"], pool_size=16, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    # The pool is filled, so that the first requests do not wait for connections.
    held = [await engine.connect() for _ in range(8)]
    await asyncio.gather(*(one.close() for one in held))
    yield
    await engine.dispose()


router = APIRouter(route_class=PackedRoute)


@router.post("/events", response_model=None)
async def create_events(sent: Events) -> Response:
    batch = uuid.uuid4()
    stored = [{**event.model_dump(), "sequence": number, "batch": batch} for number, event in enumerate(sent.events, 1)]
    if stored:
        async with sessions.begin() as session:
            await session.execute(insert(Event), stored)
    return Response(to_json(stored), media_type="application/json")


app = FastAPI(lifespan=lifespan)
app.include_router(router)


async def make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(make_tables())
