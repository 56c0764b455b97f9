import contextlib

import pytest
from loaded import Node


@pytest.fixture
def node(engine):
    with contextlib.ExitStack() as stack:

        def build(**changes) -> Node:
            made = Node(engine.settings(**changes))
            stack.callback(made.store.close)
            return made

        yield build
