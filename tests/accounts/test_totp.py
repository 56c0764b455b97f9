"""Codes from the clock, by the vectors of RFC 6238."""

import base64

import pytest

from footfall.accounts import totp

# Of the RFC's appendix B: the key in ASCII, times in s, and the last six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
]


@pytest.mark.parametrize(("time_s", "code"), VECTORS)
def test_codes_are_those_of_the_standard(time_s: int, code: str) -> None:
    assert totp.make_code(SECRET, time_s // 30) == code
    assert totp.find_step(SECRET, code, time_s * 1000) == time_s // 30


def test_a_code_counts_a_step_before_and_after_its_own() -> None:
    code = totp.make_code(SECRET, 100)
    found = [totp.find_step(SECRET, code, step * 30_000) for step in (98, 99, 100, 101, 102)]
    assert found == [None, 100, 100, 100, None]
    for wrong in ("", "000000", "12345", "é", code + "0"):
        assert totp.find_step(SECRET, wrong, 3_000_000) is None


def test_a_secret_has_160_bits_and_a_uri_that_apps_read() -> None:
    secret = totp.new_secret()
    assert len(base64.b32decode(secret)) == 20
    assert secret != totp.new_secret()
    assert (
        totp.make_uri("ABC", "zoë/x", "foot fall")
        == "otpauth://totp/foot%20fall:zo%C3%AB%2Fx?secret=ABC&issuer=foot%20fall"
    )
