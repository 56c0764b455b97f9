"""A load whose client has gone: says when its data is closed, and what was loaded."""

import asyncio
import os
import sys
from pathlib import Path

from footfall.store.engine.executors import EngineStatement, Executors


async def main(executors):
    def start(text, data=None):
        return executors.start(EngineStatement(text=text, mark=text, keyword=text.split()[0], data=data))

    await start("CREATE TABLE t (n Int64) ENGINE = Memory")
    data = Path("data").open("w+b")  # noqa: ASYNC230, SIM115 - the executors close it
    Path("data").unlink()  # noqa: ASYNC240 - nothing else is done meanwhile
    data.write(b"1\n2\n")
    data.flush()
    text = f"INSERT INTO t SELECT n + sleep(2) FROM file('/dev/fd/{data.fileno()}', TSV, 'n Int64')"  # noqa: S608
    loading = start(text, data)
    while not executors._writing[text].running():
        await asyncio.sleep(0.001)
    loading.cancel()
    closed = data.closed
    while executors.busy:
        await asyncio.sleep(0.01)
    print(closed, data.closed, (await start("SELECT sum(n) FROM t")).body)


os.chdir(sys.argv[1])
executors = Executors(Path("chdb"), {}, {}, 2)
asyncio.run(main(executors))
executors.close()
