"""What a failure means for a report, in words for the person who asked for it; the log has the failure itself."""

from obstore.exceptions import BaseError

from footfall.reports.files import FilesFailed
from footfall.reports.lifecycle import Failed, Outcome, TimedOut
from footfall.reports.making import RowsMissing
from footfall.settings import Settings
from footfall.store import StoreFailed, StoreRefused, StoreRejected, StoreTimeout, StoreUnavailable


def explain(error: Exception, settings: Settings) -> Outcome:
    """How a report ends whose making raised this."""
    match error:
        case StoreTimeout():
            took = f"the report took longer than {settings.report_timeout_s} s"
            return TimedOut(f"{took}: narrow its range of time (filter.start, filter.end), or its types")
        case StoreUnavailable():
            return Failed(f"the events store could not be reached for {settings.report_timeout_s} s")
        case StoreRejected():
            return Failed("the events store refused the request for the report's rows, as it would again")
        case StoreFailed() | StoreRefused():
            return Failed("the events store could not run the report's statement")
        case RowsMissing():
            return Failed(str(error))
        case FilesFailed():
            return Failed(error.reason)
        case BaseError() | OSError():
            return Failed("the report's file could not be written")
        case _:
            return Failed("a fault of the service")
