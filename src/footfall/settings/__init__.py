"""What can be set: the schema, the limits with their reasons, the checks, and where values come from."""

from footfall.settings.schema import Settings

__all__ = [
    "Settings",
]
