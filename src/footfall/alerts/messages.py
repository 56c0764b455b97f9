"""Messages to the receiver of alerts: what they say, and how they are signed, as Standard Webhooks has it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from footfall.alerts.book import Book, Firing, Message
from footfall.alerts.conditions import Alert, Kind
from footfall.settings import Settings
from footfall.settings.alerts import secret_bytes

# An alert ends when so many looks in a row have not found it: what comes and goes is told once.
GONE_LOOKS: Final = 3


def note(book: Book, alerts: list[Alert], looked: Collection[Kind], now_ms: int) -> list[tuple[str, Firing]]:
    """Bring the book to what a look found; gives what is to be told: `firing` or `resolved`, and the alert.

    Alerts of kinds that were not `looked` for go on as they are.
    """
    told: list[tuple[str, Firing]] = []
    found = {alert.key: alert for alert in alerts}
    for key, alert in found.items():
        if key in book.firing:
            book.firing[key] = Firing(alert, book.firing[key].since_ms)
        else:
            book.firing[key] = Firing(alert, now_ms)
            told.append(("firing", book.firing[key]))
    for key, firing in list(book.firing.items()):
        if key in found or firing.alert.kind not in looked:
            continue
        firing.gone += 1
        if firing.gone >= GONE_LOOKS:
            told.append(("resolved", book.firing.pop(key)))
    return told


def new_message(what: str, firing: Firing, settings: Settings, node: str, now_ms: int) -> Message:
    """The message that an alert has begun (`firing`) or ended (`resolved`)."""
    alert = firing.alert
    about = {
        "key": alert.key,
        "kind": alert.kind,
        "subject": alert.subject,
        "text": alert.text,
        "value": alert.value,
        "usual": alert.usual,
        "since": _time(firing.since_ms),
    }
    return _message(what, about, settings, node, now_ms)


def new_trial_message(settings: Settings, node: str, now_ms: int) -> Message:
    """A message of the same form that tells of no alert."""
    text = "a test: the alerts of footfall arrive here"
    about = {"key": "test", "kind": "test", "subject": {}, "text": text, "value": 0, "usual": None}
    return _message("test", {**about, "since": _time(now_ms)}, settings, node, now_ms)


def _message(what: str, about: dict[str, Any], settings: Settings, node: str, now_ms: int) -> Message:
    data = {**about, "node": node, "environment": settings.environment, "url": settings.public_url}
    body = {"type": f"alert.{what}", "timestamp": _time(now_ms), "data": data}
    return Message(f"msg_{secrets.token_hex(12)}", msgspec.json.encode(body).decode(), now_ms, due_ms=now_ms)


def signed_headers(message: Message, secret: str, now_ms: int) -> dict[str, str]:
    """The headers of one try: the receiver checks the signature, and that the time is close to its own."""
    now_s = str(now_ms // 1000)
    text = f"{message.id}.{now_s}.{message.body}".encode()
    signature = base64.b64encode(hmac.digest(secret_bytes(secret), text, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": now_s,
        "webhook-signature": f"v1,{signature}",
    }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
