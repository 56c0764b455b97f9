"""The running service keeps to its own OpenAPI document, whatever is sent; a tool that knows nothing else asks it."""

import os
import subprocess
import sys
from pathlib import Path

# What a schema cannot say: that a report's start must not be later than its end, that a destination must be
# configured, that an event must keep to the tracking plan and its time to the bounds, which keys the plan has, that
# "all" goes without a filter, which code an app shows now, and that a key with the scope admin is for all customers.
# Calls of which that is true may refuse what the document allows; no call may take what the document forbids.
MAY_REFUSE = {
    "400": "POST /events,POST /reports,POST /reports/estimate,POST /schedules,"
    "GET /usage/counts,GET /usage/funnel,GET /usage/events,"
    "POST /quarantine/release,POST /quarantine/drop,GET /quarantine,GET /reports,GET /schedules,"
    "POST /views,POST /shares,POST /keys,POST /second-factor,POST /second-factor/confirm",
    "406": "GET /reports/{source}",
}
TAKEN = ["2xx", "3xx", "401", "403", "404", "409", "429"]
EXAMPLES = 5
SEED = 1


def configuration() -> str:
    return "".join(
        f"[[operations]]\ninclude-name = {operation!r}\n"
        f"checks.positive_data_acceptance.expected-statuses = {[*TAKEN, status]}\n"
        for status, operations in MAY_REFUSE.items()
        for operation in operations.split(",")
    )


def test_every_answer_is_one_that_the_document_tells(serve, tmp_path: Path) -> None:
    service = serve(reports_running_max=100_000, schedules_max=100_000, login_failures_max=100_000)
    (tmp_path / "schemathesis.toml").write_text(configuration())
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json"]
    options = ["--auth", "admin:correct horse battery", "--seed", str(SEED), "-n", str(EXAMPLES), "--no-color"]
    # The tool waits for the end of an answer, which a stream has after an hour; and these statistics read the same
    # parameters as those that are left.
    options += ["--exclude-path-regex", "/usage/(live|uniques|retention|paths|top|compare|summary|types)"]
    options += ["--phases", "examples,coverage,fuzzing", "--checks", "all"]
    done = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-60_000:] + done.stderr[-2_000:]
