"""Programs that tests run in processes of their own, because they are to be killed or measured."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "programs"


def program(name: str) -> str:
    """The path of a program, for the command line of Python."""
    return str(_FOLDER / f"{name}.py")
