"""Reports: the events of a customer's product in one file, complete up to the moment at which it was asked for.

`Reports` is the desk that the API asks: it notes down a job, and later hands out a link to the file. `Runner` is the
worker that makes the files. Between them is only the state database, so that desk and worker may be on any node. These
promises hold:

- A report has every event that was acknowledged before it was started, none that was admitted after (its watermark),
  each once, in one order: made again, it is the same file byte for byte.
- COMPLETE means that the whole file is on disk, or in the object store where it goes. The rows in it are counted as
  they pass, and must be as many as the engine counted; a stream that broke off never makes a file.
- A running job has one worker at a time. When that dies, another starts from the beginning; when the first comes back,
  it can neither change the job nor touch its file.
- A report that is cancelled has ended at once, in the state. Its worker notices that at the next turn of its lease, on
  whichever node it is, and has the store drop the statement, whether that has given anything yet or not.
- Memory does not grow with the report: rows stream through in blocks.

From the request to the file: `request` reads the body, `desk` notes it down, `runner` claims, `run` waits at the
`barrier` under its `lease`, `making` streams through `tally` into `files`, where `destinations` says. `lifecycle`,
`status`, `paging` and `links` are pure.
"""

from footfall.reports.body_reader import BodyReader
from footfall.reports.estimate import Estimate, Estimates
from footfall.reports.files import Destinations, attempt_path, file_path
from footfall.reports.links import content_disposition
from footfall.reports.manifest import Manifest
from footfall.reports.query.statement import filter_parameters
from footfall.reports.request import check_keys, job_bounds, make_job, read_report_request
from footfall.reports.service import CANCELLED, Download, Reports
from footfall.reports.status import SOURCE_PREFIX, media_type, report_status, status_headers
from footfall.reports.worker.runner import Runner

__all__ = [
    "CANCELLED",
    "SOURCE_PREFIX",
    "BodyReader",
    "Destinations",
    "Download",
    "Estimate",
    "Estimates",
    "Manifest",
    "Reports",
    "Runner",
    "attempt_path",
    "check_keys",
    "content_disposition",
    "file_path",
    "filter_parameters",
    "job_bounds",
    "make_job",
    "media_type",
    "read_report_request",
    "report_status",
    "status_headers",
]
