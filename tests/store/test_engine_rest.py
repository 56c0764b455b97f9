"""An engine with nothing to do is small, and works on when there is something again."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import program


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_an_engine_rests_when_it_has_nothing_to_do_and_not_before(tmp_path: Path) -> None:
    command = [sys.executable, program("reclaim_while_busy"), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    assert found.stdout == "True b'143\\n'\n"
