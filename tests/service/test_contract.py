"""The running service keeps to its own OpenAPI document, whatever is sent; a tool that knows nothing else asks it."""

import os
import subprocess
import sys
from pathlib import Path

# Which bodies and parameters are taken is not held here: a schema cannot say that a report's start must not be later
# than its end, that a destination must be configured, or that an event must keep to the tracking plan.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"
EXAMPLES = 5
SEED = 1


def test_every_answer_is_one_that_the_document_tells(serve, tmp_path: Path) -> None:
    service = serve(reports_running_max=100_000, schedules_max=100_000)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json"]
    options = ["--auth", "admin:correct horse battery", "--seed", str(SEED), "-n", str(EXAMPLES), "--no-color"]
    options += ["--phases", "examples,coverage,fuzzing", "--checks", "all", "--exclude-checks", LEFT_OUT]
    done = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
