"""The running service keeps to its own OpenAPI document, whatever is sent; a tool that knows nothing else asks it."""

import os
import subprocess
import sys
from pathlib import Path

from contract import SETTINGS, configuration

EXAMPLES = 5
SEED = 1


def test_every_answer_is_one_that_the_document_tells(serve, tmp_path: Path) -> None:
    service = serve(**SETTINGS)
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
