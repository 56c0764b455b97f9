"""A message to the receiver that is none of an alert, signed and sent as those of alerts are, and what came back."""

import time

from msgspec import Struct

from footfall.alerts.messages import new_trial_message, signed_headers
from footfall.alerts.sender import new_client
from footfall.settings import Settings
from footfall.system.clock import Clock


class ReceiverAnswer(Struct, frozen=True):
    """What a receiver answered to a test message, and how long it took with the connection; `text` may be anything."""

    message_id: str
    status: int
    text: str
    took_s: float

    @property
    def is_received(self) -> bool:
        return 200 <= self.status < 300

    @property
    def advice(self) -> str:
        """What to do about a status that is not "received"."""
        match self.status:
            case 401 | 403:
                return "compare alert_secret with the receiver's"
            case 404 | 410:
                return "nothing takes alerts there: compare alert_url with what the receiver shows"
            case status if 300 <= status < 400:
                return "no redirect is followed: set alert_url to where it leads"
            case status if status == 429 or status >= 500:
                return "the receiver takes nothing now: an alert would be tried again for a day"
            case _:
                return "the receiver does not take this form: it must know Standard Webhooks, or something between must"


async def try_receiver(settings: Settings, clock: Clock, node: str) -> ReceiverAnswer:
    """Send the message once. Raises ExchangeFailed when no answer came."""
    message = new_trial_message(settings, node, clock.now_ms())
    headers = signed_headers(message, settings.alert_secret, clock.now_ms())
    began_s = time.monotonic()
    reply = await new_client(settings).post(settings.alert_url, headers, message.body.encode())
    return ReceiverAnswer(message.id, reply.status, reply.body.decode(errors="replace"), time.monotonic() - began_s)
