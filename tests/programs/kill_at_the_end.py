"""A statement is killed when it has ended: says whether its pipe got everything, and what is in it."""

import asyncio
import os
import sys
from pathlib import Path

from footfall.store.engine.executors import EngineStatement, Executors
from footfall.store.pipe import Pipe


async def main():
    executors = Executors(Path(sys.argv[1]) / "chdb", {}, {}, 1)
    for kills in (False, True):
        with Pipe(Path(sys.argv[1]) / f"{kills}.pipe") as pipe:
            text = f"SELECT 1 INTO OUTFILE '{pipe.path}' APPEND FORMAT CSV"
            statement = EngineStatement(
                text=text, mark=str(kills), keyword="SELECT", database="default", pipe=pipe.path
            )
            writer = os.open(pipe.path, os.O_WRONLY)
            await executors.start(statement)
            os.close(writer)
            if kills:
                executors._kill(statement.mark)
            print(executors.delivered_whole(statement), b"".join(pipe.blocks(1)))
            await executors.stop(statement)
    executors.close()


asyncio.run(main())
