"""A slip of the pen leads to the name that was meant, a wholly different name to none."""

import pytest

from footfall.plan.problems import Hints

KNOWN = ["FILE-ADDED", "FILE-DELETED", "COMMIT-AUTHORED", "A", "ÖL"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FILE-ADDEDD", "FILE-ADDED"),
        ("FILE-ADDE", "FILE-ADDED"),
        ("FILE-ADDET", "FILE-ADDED"),
        ("FILE-DAEDED", None),
        ("FLIE-ADDED", "FILE-ADDED"),
        ("file_deleted", "FILE-DELETED"),
        ("Commit-Autored", "COMMIT-AUTHORED"),
        ("öl", "ÖL"),
        ("B", None),
        ("", None),
        ("FILE", None),
        ("X" * 1_000_000, None),
    ],
)
def test_hint(name, meant):
    assert Hints(KNOWN).near(name) == meant
    assert Hints([]).near(name) is None
