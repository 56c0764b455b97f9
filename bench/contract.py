"""Holds a running service to its own OpenAPI document: schemathesis makes requests of every call, and checks answers.

    python bench/contract.py --examples 40 --work contract

All of its checks, in a round for each way to sign in: none, a user's password (Basic), a key of an admin and one with
fewer rights (Bearer), and the cookie of the page's session, with which no call may be made. Ends with 1 at a failure.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import service

# What a schema cannot say: that a report's start must not be later than its end, that a destination must be
# configured, that an event must keep to the tracking plan and its time to the bounds, which keys the plan has, that
# "all" goes without a filter, which code an app shows now, and that a key with the scope admin is for all customers.
# Calls of which that is true may refuse what the document allows; no call may take what the document forbids.
MAY_REFUSE = {
    "400": "POST /events,POST /reports,POST /reports/estimate,POST /schedules,"
    "GET /usage/counts,GET /usage/uniques,GET /usage/retention,GET /usage/funnel,GET /usage/paths,GET /usage/top,"
    "GET /usage/compare,GET /usage/summary,GET /usage/events,GET /usage/types,"
    "POST /erasures,POST /erasures/dry-run,"
    "POST /quarantine/release,POST /quarantine/drop,GET /quarantine,GET /reports,GET /schedules,"
    "POST /views,POST /shares,POST /keys,POST /second-factor,POST /second-factor/confirm",
    "406": "GET /reports/{source}",
}
TAKEN = ["2xx", "3xx", "401", "403", "404", "409", "429"]
# A new key's answer has its text as `key`, which the tool takes for the {key} of these paths: that is its `id`.
# Nor can a schema say that an integer is written without a fraction, as `overlapSeconds` has to be.
MISTAKEN = ("POST /keys/{key}/rotate", "DELETE /keys/{key}")
# The tool waits for the end of an answer, which a stream has after an hour.
ENDLESS = "/usage/live"
SETTINGS = {"reports_running_max": 100_000, "schedules_max": 100_000, "login_failures_max": 100_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=40, help="requests made at random of each call, at the most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("contract"), help="a new folder, which stays")
    parser.add_argument("--only", help="one of the ways to sign in")
    given = parser.parse_args()
    given.work.mkdir(parents=True)
    (given.work / "schemathesis.toml").write_text(configuration())
    cases, failed = 0, []
    with service.serving(given.work.resolve() / "data", **SETTINGS) as running:
        for name, options in ways(running.url):
            if given.only not in (None, name):
                continue
            done = run(running.url, given.work, [*options, "--seed", str(given.seed), "-n", str(given.examples)])
            (given.work / f"{name.replace(' ', '-')}.txt").write_text(done.stdout + done.stderr)
            counted = re.search(r"([\d,]+) generated", done.stdout)
            cases += int(counted[1].replace(",", "")) if counted else 0
            print(f"{name}: {counted[1] if counted else 'no'} cases, exit code {done.returncode}", flush=True)
            failed += [name] if done.returncode else []
    print(f"{cases:,} cases; failed: {', '.join(failed) or 'none'}")
    sys.exit(1 if failed else 0)


def configuration() -> str:
    """What the document cannot say, as schemathesis.toml."""
    mistaken = "".join(
        f"[[operations]]\ninclude-name = {operation!r}\nchecks.ensure_resource_availability.enabled = false\n"
        f"checks.positive_data_acceptance.expected-statuses = {[*TAKEN, '400']}\n"
        for operation in MISTAKEN
    )
    return mistaken + "".join(
        f"[[operations]]\ninclude-name = {operation!r}\n"
        f"checks.positive_data_acceptance.expected-statuses = {[*TAKEN, status]}\n"
        for status, operations in MAY_REFUSE.items()
        for operation in operations.split(",")
    )


def run(url: str, work: Path, options: list[str]) -> subprocess.CompletedProcess[str]:
    """All checks with all that the tool knows, in a folder with the configuration."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json", "--no-color"]
    # How long an answer takes says nothing where others use the machine.
    command += [
        "--max-response-time",
        "300",
        "--checks",
        "all",
        "--exclude-path-regex",
        ENDLESS,
        "--continue-on-failure",
        *options,
    ]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def ways(url: str) -> Iterator[tuple[str, list[str]]]:
    """The ways to sign in, each with the options that sign in so."""
    user = ("admin", service.PASSWORD)
    yield "none", []
    yield "password", ["--auth", ":".join(user)]
    for name, body in {
        "key of an admin": {"scopes": ["send", "read", "report", "admin"]},
        "key of a reader": {"scopes": ["read", "report"], "customers": ["BARCHART"], "products": ["PORTFOLIO"]},
    }.items():
        made = httpx.post(f"{url}/keys", json={"name": name, **body}, auth=user, timeout=60).raise_for_status().json()
        yield name, ["--header", f"Authorization: Bearer {made['key']}"]
    with httpx.Client(base_url=url, headers={"accept": "text/html"}, timeout=60) as browser:
        page = browser.get("/dashboard/sign-in").text
        token = re.findall(r'name="form" value="([0-9a-f]+)"', page)[0]
        answer = browser.post("/dashboard/sign-in", data={"form": token, "user": user[0], "password": user[1]})
        assert answer.status_code == 303, answer.text
        yield (
            "session",
            ["--header", "Cookie: " + "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)],
        )


if __name__ == "__main__":
    main()
