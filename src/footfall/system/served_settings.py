"""The settings of the service that runs on a data folder, for the commands that somebody gives beside it.

A service may have its plan, or the place of its state, from a variable that the terminal of a command lacks. The
supervisor writes its settings into the data folder while it runs; a command takes from there what its own file,
variables and options do not say. Of settings with passwords and keys only the names are written.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from footfall.settings import Settings
from footfall.settings.checks import shown_value
from footfall.system import files
from footfall.system.data_folder import SERVE_LOCK, NotOwner, is_locked, require_ours

log = logging.getLogger(__name__)

_FILE: Final = "run/settings.json"
_SQLITE: Final = "sqlite:///"


class ServedSettings(Struct, frozen=True):
    """The settings of a running service that differ from the defaults; `withheld` names those that have a secret."""

    settings: dict[str, object] = {}
    withheld: tuple[str, ...] = ()


@contextlib.contextmanager
def shared_settings(settings: Settings, port: int) -> Iterator[None]:
    """Let commands read the settings of this service, which listens on `port`, for as long as the block runs."""
    path = settings.data / _FILE
    told = own_settings(structs.replace(settings, port=port))
    try:
        files.make_folder(path.parent)
        files.replace_file(path, msgspec.json.encode(told))
    except OSError as error:  # a full disk must not keep the service from starting
        log.warning("commands do not learn the settings of this service: %s", error.strerror)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def has_shared(settings: Settings) -> bool:
    """Whether a service tells its settings, which it does once it listens."""
    return (settings.data / _FILE).exists()


def own_settings(settings: Settings) -> ServedSettings:
    """The settings that differ from the defaults, without the data folder, which whoever reads them knows."""
    default, found = structs.asdict(Settings()), structs.asdict(settings)
    del found["data_dir"]
    own = {name: _from_anywhere(name, value) for name, value in found.items() if value != default[name]}
    open_ones = {name: value for name, value in own.items() if not _may_be_secret(name, value)}
    return ServedSettings(open_ones, tuple(sorted(own.keys() - open_ones.keys())))


def served_settings(settings: Settings) -> ServedSettings:
    """What the service that runs on the data folder tells; nothing when none runs, or this user may not see it."""
    try:
        require_ours(settings.data)
        if not is_locked(settings.data / SERVE_LOCK):
            return ServedSettings()
        found = msgspec.json.decode((settings.data / _FILE).read_bytes(), type=ServedSettings)
    except (OSError, NotOwner, msgspec.DecodeError):
        return ServedSettings()
    # The service may be of another release.
    known = {name: value for name, value in found.settings.items() if name in Settings.__struct_fields__}
    return structs.replace(found, settings=known)


def _may_be_secret(name: str, value: object) -> bool:
    """Whether a value has a password or a key, or is a URL with a part that may be one."""
    has_more = isinstance(value, str) and "://" in value and bool({"@", "?"} & set(value))
    return has_more or shown_value(name, value) != value


def _from_anywhere(name: str, value: object) -> object:
    """The value of a setting with its path from the root: a command may be given in another folder."""
    if name in ("plan", "tls_certificate", "tls_key") and value and isinstance(value, str):
        return str(Path(value).absolute())
    if name == "state_url" and isinstance(value, str) and value.startswith(_SQLITE):
        return _SQLITE + str(Path(value.removeprefix(_SQLITE)).absolute())
    return value
