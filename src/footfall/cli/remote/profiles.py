"""Profiles: services with the credentials of whoever uses the commands, in a file that nobody else may read."""

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from footfall.system import files

DEFAULT: Final = "default"
_OTHERS: Final = 0o077


class ProfilesUnusable(Exception):
    """The file of profiles cannot be used; the text says why, and what mends it."""


class Profile(Struct, frozen=True, omit_defaults=True):
    """A service, and how to sign in: a user with a password, a key, or neither for who only sends events."""

    url: str
    user: str = ""
    password: str = ""
    key: str = ""

    @property
    def auth(self) -> tuple[str, str] | str | None:
        """As the client takes it."""
        return self.key or ((self.user, self.password) if self.user else None)

    @property
    def signs_in_as(self) -> str:
        """For people, without a secret."""
        return f"a key of {self.user}" if self.key and self.user else "a key" if self.key else self.user


class _File(Struct):
    profiles: dict[str, Profile] = {}


def path() -> Path:
    """The file: `footfall/profiles.toml` in the user's folder for configuration."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(folder) if folder.startswith("/") else Path.home() / ".config"
    return base / "footfall" / "profiles.toml"


def read() -> dict[str, Profile]:
    """All profiles by their names; none where there is no file. Raises ProfilesUnusable."""
    place = path()
    try:
        with place.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & _OTHERS:
                raise ProfilesUnusable(
                    f"{place} has passwords, and others may use it (mode {mode:04o}): chmod 600 {place}"
                )
            return msgspec.convert(tomllib.load(file), _File).profiles
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ProfilesUnusable(f"{place}: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ProfilesUnusable(f"{place} cannot be read: {error}: mend it, or remove it and log in again") from error


def write(profiles: dict[str, Profile]) -> None:
    """Replace the file, which is the user's alone from its first byte on. Raises OSError."""
    lines = ["# Services for the commands of footfall, with credentials: keep it to yourself."]
    for name, profile in sorted(profiles.items()):
        lines += ["", f"[profiles.{_quoted(name)}]"]
        told = msgspec.to_builtins(profile)
        lines += [f"{key} = {_quoted(value)}" for key, value in told.items()]
    place = path()
    files.make_folder(place.parent)
    files.replace_durably(place, ("\n".join(lines) + "\n").encode())


def _quoted(value: str) -> str:
    """A text as TOML has it: as JSON does, but with no half of a surrogate pair, and with DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def choose(profiles: dict[str, Profile], name: str | None) -> Profile | None:
    """The profile of this name; without one `default`, or the only one. Raises ProfilesUnusable where it is missing."""
    if name is not None:
        if name not in profiles:
            known = ", ".join(sorted(profiles)) or "none yet"
            raise ProfilesUnusable(f"there is no profile {name!r}; there are: {known}; `footfall login` makes one")
        return profiles[name]
    if DEFAULT in profiles:
        return profiles[DEFAULT]
    return next(iter(profiles.values())) if len(profiles) == 1 else None
