"""The settings of the service that runs on a data folder, for the commands that somebody gives beside it.

A service may have its plan, or the place of its state, from a variable that the terminal of a command lacks. The
supervisor writes its settings into the data folder while it runs; a command takes from there what its own file,
variables and options do not say. Settings with passwords and keys are not written.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from footfall.settings import Settings
from footfall.settings.checks import hide_credentials
from footfall.system import files
from footfall.system.data_folder import SERVE_LOCK, NotOwner, is_locked, require_ours

log = logging.getLogger(__name__)

_FILE: Final = "run/settings.json"
_SQLITE: Final = "sqlite:///"


@contextlib.contextmanager
def shared_settings(settings: Settings, port: int) -> Iterator[None]:
    """Let commands read the settings of this service, which listens on `port`, for as long as the block runs."""
    path = settings.data / _FILE
    default = structs.asdict(Settings())
    found = structs.asdict(structs.replace(settings, port=port))
    del found["data_dir"]  # it is where the file lies
    told = {
        name: _from_anywhere(name, value)
        for name, value in found.items()
        if value != default[name] and hide_credentials(value) == value
    }
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


def served_settings(settings: Settings) -> Mapping[str, object]:
    """What differs from the defaults in the service that runs on the data folder; empty when this user sees none."""
    try:
        require_ours(settings.data)
        if not is_locked(settings.data / SERVE_LOCK):
            return {}
        found = msgspec.json.decode((settings.data / _FILE).read_bytes(), type=dict[str, object])
    except (OSError, NotOwner, msgspec.DecodeError):
        return {}
    # The service may be of another release.
    return {name: value for name, value in found.items() if name in Settings.__struct_fields__}


def _from_anywhere(name: str, value: object) -> object:
    """The value of a setting with its path from the root: a command may be given in another folder."""
    if name == "plan" and isinstance(value, str):
        return str(Path(value).absolute())
    if name == "state_url" and isinstance(value, str) and value.startswith(_SQLITE):
        return _SQLITE + str(Path(value.removeprefix(_SQLITE)).absolute())
    return value
