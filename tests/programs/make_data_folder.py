"""Makes the data folder of an earlier version, for the tests of upgrades.

    .venv/bin/python tests/programs/make_data_folder.py REVISION NAME

It checks REVISION out of the repository's history into a temporary folder, runs that version's service with the
libraries of this environment, and has it keep something of everything: events of two customers, one of them twice,
an event in quarantine, a user, a schedule, and reports in each format. Then everything is killed right after an answer,
so that the last events are in a segment which is still open. `tests/upgrades/NAME.tar.zst` is the folder as it is then,
without what belongs to running processes; `NAME.json` is what that version answered.
"""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from footfall.system import zstd

ROOT = Path(__file__).parents[2]
OUT = ROOT / "tests" / "upgrades"
PASSWORD = "correct horse battery"
# Entries of a data folder that belong to running processes, or to the shell that started them.
OF_PROCESSES = {"run", "serve.lock", "lock", "log"}
FORMATS = ("csv", "jsonl", "parquet", "arrow")
FIRST_MS = 1_571_029_200_000
BATCHES, EACH = 6, 20


def event(number: int) -> dict[str, Any]:
    """One event, by its number."""
    customer, user = ("BARCHART", "TGAM")[number % 2], f"user-{number % 7}"
    context = [user, f"w-{number % 5}", f'SYM,"{number}"']
    kind = "WATCHLIST-SYMBOL-ADDED"
    timestamp = FIRST_MS + number * 7_200_000
    return {"customer": customer, "product": "WATCHLIST", "type": kind, "timestamp": timestamp, "context": context}


def batch(number: int) -> dict[str, Any]:
    """The body of a request; the batch of this number has this Idempotency-Key."""
    return {"events": [event(number * EACH + at) for at in range(EACH)]}


class OldService:
    """`footfall serve` of the revision, in a process group of its own."""

    def __init__(self, source: Path, data: Path) -> None:
        names = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        settings = {"DATA_DIR": str(data), "PORT": "0", "PLAN_MODE": "quarantine", "DISK_FREE_BYTES_MIN": "0"}
        self.environment = {**names, **{f"FOOTFALL_{name}": value for name, value in settings.items()}}
        self.environment |= {"FOOTFALL_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(source / "src")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "footfall", "serve"],
            env=self.environment,
            cwd=source,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        banner = self.process.stdout.readline()
        self.client = httpx.Client(
            base_url=re.search(r"listening on (\S+)", banner).group(1), auth=("admin", PASSWORD), timeout=60
        )
        self.source = source

    def command(self, line: str, given: str = "") -> str:
        """The output of a command of that version."""
        found = subprocess.run(
            [sys.executable, "-m", "footfall", *line.split()],
            env=self.environment,
            cwd=self.source,
            check=True,
            capture_output=True,
            text=True,
            input=given,
        )
        return found.stdout.strip()

    def post(self, number: int) -> None:
        self.client.post(
            "/events", json=batch(number), headers={"Idempotency-Key": f"batch-{number}"}
        ).raise_for_status()

    def report(self, form: str, as_of: str | None) -> tuple[str, dict[str, Any], bytes]:
        """The source, the manifest and the bytes of a report of everything of a customer."""
        output = {"format": form} | ({"asOf": as_of} if as_of else {})
        body = {"filter": {"customer": "BARCHART", "product": "WATCHLIST"}, "output": output}
        source = self.client.post("/reports", json=body).raise_for_status().json()["source"]
        while (status := self.client.get(f"/reports/{source}/availability").json())["status"] == "RUNNING":
            time.sleep(0.1)
        assert status["status"] == "COMPLETE", status
        manifest = self.client.get(f"/reports/{source}/manifest").raise_for_status().json()
        answer = self.client.get(f"/reports/{source}", headers={"accept": "*/*"}, follow_redirects=True)
        if answer.headers["content-type"].startswith("application/json") and "link" in answer.text:
            answer = self.client.get(answer.json()["link"])
        return source, manifest, answer.raise_for_status().content


def fill(service: OldService) -> dict[str, Any]:
    """Have the service keep something of everything; returns what it answered."""
    for number in [*range(BATCHES), 0]:
        service.post(number)
    bad = {**event(0), "type": "WATCHLIST-SYMBOL-ADED"}
    service.client.post("/events", json={"events": [bad]}, headers={"Idempotency-Key": "bad"}).raise_for_status()
    service.command("user add anna --customer BARCHART", "anna reads reports\n")
    schedule = "schedule add --user anna --customer BARCHART --product WATCHLIST --every month --timezone Europe/Berlin"
    told: dict[str, Any] = {"schedule": service.command(schedule), "reports": {}}
    as_of = None
    for form in FORMATS:
        source, manifest, content = service.report(form, as_of)
        as_of = manifest["watermark"]
        digest = hashlib.sha256(content).hexdigest()
        told["reports"][form] = {"source": source, "watermark": as_of, "bytes": len(content), "sha256": digest}
        if form == "csv":
            told["csv"] = content.decode()
    counts = {"customer": "BARCHART", "product": "WATCHLIST", "interval": "month", "asOf": as_of}
    told["counts"] = service.client.get("/usage/counts", params=counts).raise_for_status().json()
    service.post(BATCHES)
    return told


def pack(data: Path) -> bytes:
    """The folder as a compressed archive, without what belongs to running processes."""

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if OF_PROCESSES & set(Path(entry.name).parts):
            return None
        entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, "", ""
        return entry

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(data, arcname="data", filter=kept)
    level = {zstd.CompressionParameter.compression_level: 19}
    return zstd.compress(packed.getvalue(), options=level)


def main(revision: str, name: str) -> None:
    """Make the two files of a revision."""
    with tempfile.TemporaryDirectory(prefix="footfall-of-") as folder:
        source, data = Path(folder, "source"), Path(folder, "data")
        source.mkdir()
        found = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
            archive.extractall(source, filter="data")
        service = OldService(source, data)
        try:
            told = fill(service)
        finally:
            os.killpg(service.process.pid, signal.SIGKILL)
            service.process.wait()
        described = subprocess.run(
            ["git", "show", "-s", "--format=%H %cs", revision], cwd=ROOT, check=True, capture_output=True, text=True
        )
        commit, day = described.stdout.split()
        packed = pack(data)
        OUT.joinpath(f"{name}.tar.zst").write_bytes(packed)
        OUT.joinpath(f"{name}.json").write_text(json.dumps({"commit": commit, "day": day, **told}, indent=1) + "\n")
        print(f"{name}: {len(packed)} bytes")
        shutil.rmtree(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
