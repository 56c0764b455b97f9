"""`footfall-client outbox`: how far the events of an outbox are, from its file to the reports."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from footfall_client.clients import EventClient
from footfall_client.database import Database
from footfall_client.errors import OutboxBroken, ServiceError
from footfall_client.options import OutboxOptions
from footfall_client.outbox import Outbox
from footfall_client.records import Acknowledged, Records
from footfall_client.rejects import Rejects
from footfall_client.sender_lock import SenderLock
from footfall_client.transport import Unreachable

_URL, _AUTH = "FOOTFALL_URL", "FOOTFALL_AUTH"
_SHOWN = 20
_MEANS = {
    "journaled": "on the service's disk",
    "stored": "in the store, and in every report from now on",
    "quarantined": "in quarantine",
    "dropped": "dropped from quarantine",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the commands to a parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    status = actions.add_parser("status", help="what waits, and what became of the batches that were sent")
    status.add_argument("--batches", type=int, default=_SHOWN, help=f"the newest so many (default: {_SHOWN})")
    status.set_defaults(run=_status)
    retry = actions.add_parser("retry", help="send what waits now")
    retry.add_argument("--rejects", action="store_true", help="also send again what the service has refused")
    retry.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="at most so long (default: 60)")
    retry.set_defaults(run=_retry)
    rejects = actions.add_parser("rejects", help="list the events that the service refused, as JSON lines")
    rejects.add_argument("--drop", action="store_true", help="forget them, once they are listed")
    rejects.set_defaults(run=_rejects)
    for each in (status, retry, rejects):
        each.add_argument("file", type=Path, metavar="FILE")
    for each in (status, retry):
        each.add_argument("--url", default=os.environ.get(_URL), help=f"address of the service (else ${_URL})")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    status.epilog = f"Receipts need a user: ${_AUTH} is NAME:PASSWORD, or a key."


def _status(given: argparse.Namespace) -> int:
    records = Records(_existing(given.file))
    counts = records.counts()
    lock = SenderLock(given.file.absolute())
    is_free = lock.acquire()
    lock.release()
    batches = records.acknowledged(given.batches)
    found, failure = _where(batches, given.url)
    if given.json:
        sent = [{**asdict(one), "events_by_status": where} for one, where in found]
        _say(json.dumps({**asdict(counts), "isSent": not is_free, "sent": sent, "receipts_failure": failure}))
        return 1 if failure else 0
    _say(
        f"{given.file}: {counts.tracked} events tracked, {counts.acknowledged} acknowledged "
        f"({counts.quarantined} of them in quarantine), {counts.rejected} refused, {counts.dropped} dropped"
    )
    age = f", the oldest for {counts.oldest_age_s:.0f} s" if counts.waiting else ""
    _say(f"on this disk: {counts.waiting} events, {counts.batches} batches made{age}; {counts.rejects} rejects kept")
    _say("no process has the outbox open" if is_free else "a process sends from it")
    for batch, where in found:
        words = ", ".join(f"{count} {_MEANS.get(name, name)}" for name, count in where.items())
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(batch.acknowledged_ms / 1000))
        _say(f"{batch.batch or '(all in quarantine)':36}  {batch.events:>6} events  acknowledged {at}  {words}")
    if failure:
        _say(f"no receipts from {given.url}: {failure}")
    return 1 if failure else 0


def _retry(given: argparse.Namespace) -> int:
    _existing(given.file)
    if not given.url:
        message = f"--url or ${_URL} has to say where the service is"
        raise ValueError(message)
    with Outbox(given.file, given.url, options=OutboxOptions(exit_timeout_s=1), handle_sigterm=False) as outbox:
        again = outbox.retry_rejects() if given.rejects else 0
        outbox.forget_pauses()
        is_sent = outbox.flush(given.timeout)
        stats = outbox.stats()
    _say(f"{stats.waiting} events wait, {again} rejects were sent again, {stats.rejects} rejects are kept")
    if not is_sent and stats.last_failure:
        _say(f"the last failure: {stats.last_failure}")
    return 0 if is_sent else 1


def _rejects(given: argparse.Namespace) -> int:
    rejects = Rejects(_existing(given.file))
    kept = rejects.kept()
    for one in kept:
        _say(json.dumps(asdict(one)))
    if given.drop:
        rejects.drop([one.id for one in kept])
    return 0


def _where(batches: list[Acknowledged], url: str | None) -> tuple[list[tuple[Acknowledged, dict[str, int]]], str]:
    """Each batch with its events by status, from the service's receipts where somebody can ask for them.

    A service that cannot be reached or refuses who asks is asked once, and is what the text tells: the file is told of
    in any case, and a wrong password for twenty batches would lock its user out.
    """
    found: list[tuple[Acknowledged, dict[str, int]]] = []
    failure = ""
    auth = os.environ.get(_AUTH)
    name, colon, password = (auth or "").partition(":")
    credentials = (name, password) if colon else auth
    with EventClient(url, credentials) if url and auth else nullcontext() as client:
        for batch in batches:
            where = {"acknowledged": batch.events}
            if client is not None and batch.batch is not None and not failure:
                try:
                    where = dict(Counter(str(one["status"]) for one in client.receipt(batch.batch)["events"]))
                except Unreachable as error:
                    failure = str(error)
                except ServiceError as error:
                    if error.status == 404:
                        where = {f"acknowledged ({error.code})": batch.events}
                    else:
                        failure = str(error)
            found.append((batch, where))
    return found, failure


def _existing(path: Path) -> Database:
    """The file of an outbox; to look for one must not make it."""
    if not path.is_file():
        message = f"{path} is not there"
        raise OutboxBroken(message)
    return Database(path.absolute())


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command
