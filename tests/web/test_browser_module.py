"""The module for pages: small, compressed where that is taken, and known again."""

import gzip

from footfall.web.calls.browser import _accepts_gzip


async def test_it_is_small_and_served_to_pages_of_any_origin(service):
    async with service() as opened:
        answer = await opened.client.get("/footfall.js", headers={"accept-encoding": "gzip", "origin": "https://shop"})
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert len(gzip.compress(answer.content)) < 3 * 1024
        plain = await opened.client.get("/footfall.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        assert plain.headers["etag"] != answer.headers["etag"]
        known = {"accept-encoding": "gzip", "if-none-match": answer.headers["etag"]}
        assert (await opened.client.get("/footfall.js", headers=known)).status_code == 304


def test_gzip_may_be_refused() -> None:
    assert [_accepts_gzip(text) for text in ("br, gzip;q=0.5", "*", "gzip")] == [True] * 3
    assert [_accepts_gzip(text) for text in ("", "br", "gzip;q=0", "gzip; q=0.0, br")] == [False] * 4
