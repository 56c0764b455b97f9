"""Errors of backups and restores, with texts for the user of the command."""


class BackupRefused(Exception):
    """The backup or restore is not made; the text has the reason. Nothing was changed unless it says so."""


class BackupDamaged(BackupRefused):
    """The backup is damaged; `problems` has one line for each reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LocationFailed(Exception):
    """The folder or object store of the backup failed; a later try may succeed."""
