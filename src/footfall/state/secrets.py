"""The statements about secrets: random bytes that all nodes share, made by whoever asks first."""

import os

from sqlalchemy import Connection, select

from footfall.state.database import insert
from footfall.state.tables import secrets

# As long as the output of SHA-256, which these are the HMAC keys of.
SECRET_BYTES = 32


def get(connection: Connection, name: str) -> bytes | None:
    return connection.scalar(select(secrets.c.value).where(secrets.c.name == name))


def make(connection: Connection, name: str) -> None:
    """Make the secret unless another made it in the meantime."""
    statement = insert(connection, secrets).values(name=name, value=os.urandom(SECRET_BYTES))
    connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
