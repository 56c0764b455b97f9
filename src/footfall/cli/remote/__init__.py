"""The commands that speak to a running service over HTTP, from any machine: they need no data folder.

They talk through the client package, `footfall_client`, so that retries, resumed downloads and the reading of answers
are written once. It is a distribution of its own, which the service does not depend on: the wheel of the service
carries its files, and a clone has them beside the service. They are imported from there, never from another release
that happens to be installed.

Where a command goes, the first that is said: `--url`, `--profile`, FOOTFALL_URL, FOOTFALL_PROFILE, the profile
`default`, the service that runs on the data folder of this machine.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Final

_NAME: Final = "footfall_client"
_ROOM: Final = Path(__file__).parents[2]
# In the wheel; in a clone.
_PLACES: Final = (_ROOM / "client", _ROOM.parents[1] / "clients" / "python" / "src")


def _provide_client() -> None:
    """Have `import footfall_client` find the files that belong to this release."""
    if _NAME in sys.modules:
        return
    place = next((folder / _NAME for folder in _PLACES if (folder / _NAME).is_dir()), None)
    if place is None:
        return  # an installed one is taken
    spec = importlib.util.spec_from_file_location(_NAME, place / "__init__.py", submodule_search_locations=[str(place)])
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


_provide_client()
