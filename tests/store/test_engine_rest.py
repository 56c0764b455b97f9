"""An engine with nothing to do is small, and works on when there is something again."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import asyncio, sys
from pathlib import Path
from footfall.system.memory import resident_bytes
from footfall.store.engine.executors import Executors, EngineStatement
from footfall.store.engine.process import reclaim_when_idle

async def main(executors):
    async def ask(text):
        return (await executors.start(EngineStatement(text=text, mark=text, keyword="SELECT"))).body

    resting = asyncio.create_task(reclaim_when_idle(executors, 0.05))
    before, busy = resident_bytes(), asyncio.create_task(ask("SELECT sleep(2)"))
    await asyncio.sleep(1)
    during = resident_bytes()
    await busy
    while resident_bytes() > before - 100 * 2**20:
        await asyncio.sleep(0.05)
    print(during > before - 10 * 2**20, await ask("SELECT count() FROM numbers(1000) WHERE number % 7 = 0"))
    resting.cancel()

executors = Executors(Path(sys.argv[1]), {}, {}, 2)
asyncio.run(main(executors))
executors.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_an_engine_rests_when_it_has_nothing_to_do_and_not_before(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    assert found.stdout == "True b'143\\n'\n"
