"""What can be wrong with a backup, each with a text for whoever typed the command."""


class BackupRefused(Exception):
    """It is not done, for a reason that the text says; nothing was changed, unless it says so."""


class BackupDamaged(BackupRefused):
    """The backup is not whole; `problems` has one line for each reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LocationFailed(Exception):
    """Where the backup lies did not do its work; a later try may succeed."""
