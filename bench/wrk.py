"""wrk, the closed loop: as many requests as the connections carry, each sent when the one before was answered."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The bodies come from files, and take turns.
_TURNS = """
local requests, turn = {}, 0
function init(args)
  for number = 1, COUNT do
    local file = io.open("FOLDER/" .. number, "rb")
    requests[number] = wrk.format("METHOD", nil, HEADERS, file:read("*a"))
    file:close()
  end
end
function request()
  turn = turn % COUNT + 1
  return requests[turn]
end
"""
# One request that never changes: wrk then asks Lua for nothing, which the fastest contestant feels.
_FIXED = """
local file = io.open("FOLDER/1", "rb")
wrk.method, wrk.headers, wrk.body = "METHOD", HEADERS, file:read("*a")
file:close()
"""
# The figures go out as one line of JSON.
_DONE = """
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50":%.3f,"p99":%.3f,"p999":%.3f}\\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """What to send where."""

    url: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str]
    connections: int
    seconds: float
    method: str = "POST"


@dataclass(frozen=True)
class Figures:
    """What wrk saw: answers, those that were not 2xx, what broke, and times in ms."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float
    p999: float

    @property
    def answered(self) -> int:
        """How many requests were answered 200."""
        return self.requests - self.refused

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


def run(program: Path | str, load: Load, environment: Mapping[str, str] | None = None) -> Figures:
    """Drive a contestant for some seconds; raises subprocess.CalledProcessError when wrk cannot."""
    threads = min(2, load.connections)
    with tempfile.TemporaryDirectory(prefix="footfall-wrk-") as folder:
        for number, body in enumerate(load.bodies, 1):
            (Path(folder) / str(number)).write_bytes(body)
        script = Path(folder) / "load.lua"
        script.write_text(_script(load, folder))
        command = [str(program), f"-t{threads}", f"-c{load.connections}", f"-d{_whole(load.seconds)}s", "--timeout=30s"]
        made = subprocess.run(
            [*command, f"--script={script}", load.url], env=environment, check=True, capture_output=True, text=True
        )
    return read(made.stdout)


def _whole(seconds: float) -> int:
    return max(1, round(seconds))


def _script(load: Load, folder: str) -> str:
    headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in load.headers.items())
    text = (_TURNS if len(load.bodies) > 1 else _FIXED) + _DONE
    words = {"COUNT": str(len(load.bodies)), "FOLDER": folder, "METHOD": load.method, "HEADERS": f"{{{headers}}}"}
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def read(output: str) -> Figures:
    """The figures in wrk's output. Raises ValueError when there are none."""
    found = [line for line in output.splitlines() if line.startswith('{"requests":')]
    if len(found) != 1:
        raise ValueError(f"wrk has not told its figures:\n{output}")
    return Figures(**json.loads(found[0]))
