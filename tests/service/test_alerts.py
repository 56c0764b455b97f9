"""A real service tells a real receiver of what is wrong with it, and keeps its secret to itself."""

import json
import time
from typing import Any

from receivers import receiving

SECRET = "a secret of more than sixteen bytes"
EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "NONE-OF-THE-PLAN", "timestamp": 1, "context": []}


def test_a_release_that_sends_what_is_refused_is_told(serve: Any) -> None:
    with receiving() as receiver:
        run = serve(alert_url=receiver.url, alert_secret=SECRET, alert_period_s=1)
        end = time.monotonic() + 60
        while not receiver.received:
            for _ in range(20):
                assert run.post([EVENT]).status_code == 400
            assert time.monotonic() < end
            time.sleep(0.2)
        body = json.loads(receiver.received[0].body)
        assert (body["type"], body["data"]["kind"]) == ("alert.firing", "refusals")
        told = (run.folder / "log").read_text() + (run.folder / "run" / "settings.json").read_text()
        assert "alert firing" in told
        assert SECRET not in told
        assert "for=us" not in told
