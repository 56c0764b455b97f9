"""Reports: events of customers' products in one file, complete up to the moment at which it was asked for.

`Reports` is the service that the API calls: it records a job, and later hands out a link to the file. `Runner` makes
the files in a worker. Between them is only the state database, so web process and worker may be on any node. These
promises hold:

- A report has every event that was acknowledged before it was started, none that was admitted after its watermark,
  each once, in one order. Made again, it is the same file byte for byte.
- COMPLETE means that the whole file is durable, on disk or in its object store. Its rows are counted as they pass, and
  must be as many as the engine counted; a stream that broke off never makes a file.
- A running job has one worker at a time. When the worker dies, another starts from the beginning; when the first comes
  back, it can neither change the job nor touch its file.
- A report that is cancelled has ended in the state at once. Its worker sees that at the next renewal of its lease, on
  any node, and has the store kill the statement.
- Memory does not grow with the report: rows stream through in blocks.

Which events a report has is a case of the one selection that statistics use too: `selection` makes it of the filter.

From the request to the file: `request` parses the body, whose shape is in `request_body`, `service` records the job,
`worker.runner` claims it, `worker.run` waits at the `barrier` under its `lease`, and `worker.attempt` streams the rows
of `query` through `encoding` into `files`. `status` is pure functions.
"""

from footfall.reports.body_reader import BodyReader, Part
from footfall.reports.estimate import Estimate, Estimates
from footfall.reports.files import Destinations, attempt_path, content_disposition, file_path, remove_files
from footfall.reports.manifest import Manifest
from footfall.reports.request import (
    ReportSpec,
    check_keys,
    job_bounds,
    make_job,
    read_report_request,
    visible_request,
)
from footfall.reports.request_body import (
    Basis,
    BodyTime,
    Conditions,
    Customer,
    Customers,
    EstimateRequest,
    EventTypes,
    FileOutput,
    Product,
    Products,
    ReportRequest,
    Versions,
    ViewName,
)
from footfall.reports.selection import (
    SCOPE_KEYS,
    asked_codes,
    body_scope,
    job_filter,
    may_see_report,
    select_events,
)
from footfall.reports.service import CANCELLED, Download, Reports
from footfall.reports.status import (
    SOURCE_PREFIX,
    ListedReport,
    listed_report,
    media_type,
    report_status,
    status_headers,
)
from footfall.reports.waiting import WAIT_PARAMETER, WaitRequest, parse_wait
from footfall.reports.worker.runner import Runner

__all__ = [
    "CANCELLED",
    "SCOPE_KEYS",
    "SOURCE_PREFIX",
    "WAIT_PARAMETER",
    "Basis",
    "BodyReader",
    "BodyTime",
    "Conditions",
    "Customer",
    "Customers",
    "Destinations",
    "Download",
    "Estimate",
    "EstimateRequest",
    "Estimates",
    "EventTypes",
    "FileOutput",
    "ListedReport",
    "Manifest",
    "Part",
    "Product",
    "Products",
    "ReportRequest",
    "ReportSpec",
    "Reports",
    "Runner",
    "Versions",
    "ViewName",
    "WaitRequest",
    "asked_codes",
    "attempt_path",
    "body_scope",
    "check_keys",
    "content_disposition",
    "file_path",
    "job_bounds",
    "job_filter",
    "listed_report",
    "make_job",
    "may_see_report",
    "media_type",
    "parse_wait",
    "read_report_request",
    "remove_files",
    "report_status",
    "select_events",
    "status_headers",
    "visible_request",
]
