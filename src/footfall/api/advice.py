"""What each error code means and what a client should do about it, for every description of the API."""

from typing import Final

from footfall.errors import Code

ADVICE: Final[dict[Code, str]] = {
    Code.REQUEST_INPUT_MALFORMED: (
        "The body is not JSON, or has the wrong shape or types. The children name each place; mend the request."
    ),
    Code.REQUEST_PARAMETER_MALFORMED: (
        "A path, header, query or filter value cannot be read. The children name it; mend the request."
    ),
    Code.EVENT_NOT_IN_PLAN: (
        "An event's customer, product, type or context breaks the tracking plan, and nothing of the request was "
        "stored. The children name each event; mend the event or extend the plan."
    ),
    Code.REQUEST_UNAUTHORIZED: (
        'The request has no valid user name and password. The body of this one error is `{"message":"Unauthorized"}`.'
    ),
    Code.REQUEST_AUTHORIZATION_FAILURE: (
        "The user may not see this customer, or the call is for admins only. Ask an operator for access."
    ),
    Code.LINK_EXPIRED: (
        "The download link is past its 15 minutes, or the right that it stood on has ended, or it is not one that this "
        "service made. Get another from `GET /reports/{source}`."
    ),
    Code.REQUEST_NOT_FOUND: ("There is nothing at this path, or no such event in quarantine, or no such schedule."),
    Code.EVENT_JOB_GET_FAILED_NO_JOB: ("There is no such report, or it is another user's."),
    Code.EVENT_BATCH_NOT_FOUND: (
        "No request of this batch is known here, or none of its events is of a customer that the user may see. What "
        "another node has just taken is found about a second later."
    ),
    Code.REQUEST_METHOD_NOT_ALLOWED: (
        "The path exists, but not for this method; the `Allow` header lists its methods."
    ),
    Code.REQUEST_NOT_ACCEPTABLE: ("`Accept` names nothing that this call can give."),
    Code.REQUEST_TIMED_OUT: ("The body did not arrive in time. Send it again."),
    Code.EVENT_JOB_GET_FAILED_RUNNING: (
        "The report still runs, so there is no link yet. Ask for its availability until it is COMPLETE."
    ),
    Code.EVENT_JOB_GET_FAILED: ("The report failed, timed out, or its file has been removed. Start another."),
    Code.REQUEST_TOO_LARGE: ("The body or its events are over a limit. Send less at once."),
    Code.REQUEST_UNSUPPORTED_MEDIA_TYPE: ("`Content-Type` or `Content-Encoding` is none that this call reads."),
    Code.REQUEST_RANGE_NOT_SATISFIABLE: ("The file has none of the bytes asked for; `Content-Range` has its size."),
    Code.REQUEST_RATE_LIMITED: (
        "Too many failed sign-ins, or the user has too many reports that run or are kept, or too many schedules, "
        "or too many estimates, counts or receipts that wait. Wait for the seconds that `Retry-After` names, or end "
        "reports with `DELETE /reports/{source}`, or remove a schedule."
    ),
    Code.REQUEST_HEAD_TOO_LARGE: (
        "The head of the request is too large: its headers or its target are too long, or too many. Send fewer."
    ),
    Code.REQUEST_GENERAL_FAILURE: (
        "A fault of the service, which is worth another try; or the events store refused what it was asked for an "
        "estimate or a count, and would again, which the message says. Either way the operator finds the details in "
        "the log."
    ),
    Code.SERVICE_UNAVAILABLE: (
        "The events cannot be made durable now, and none of the request was accepted; the events store, or the store "
        "of a report's file, is away; the state database is away, or its disk is full; too many users sign in at once; "
        "too many bytes of long bodies and of answers that nobody takes are held; or too many long bodies, or other "
        "requests that take a while, wait already. Send the same request again after the seconds that `Retry-After` "
        "names."
    ),
}
