"""What can go wrong with the store, and what ClickHouse's error codes mean here."""

import logging
import re

from clickhouse_connect.driver.exceptions import ClickHouseError, Error, ProgrammingError, StreamFailureError

from footfall.errors import Code, RequestRefused

_log = logging.getLogger(__name__)


class StoreUnavailable(Exception):
    """The store cannot do it now; the same call may succeed later."""


class StoreShort(StoreUnavailable):
    """The store reported success, but took another number of rows than it was handed lines."""


class StoreRefused(Exception):
    """A segment is itself at fault: its lines can never be loaded as they are."""


class StoreTimeout(Exception):
    """A statement took longer than its `max_execution_time`."""


class StoreFailed(Exception):
    """A statement failed for a reason that another try would not cure, or that is not known here."""


class StoreMemory(StoreFailed):
    """A statement needed more memory than its `max_memory_usage`."""


class StoreLarge(StoreFailed):
    """The result of a statement is larger than its `max_result_bytes`."""


class StoreDiffers(StoreFailed):
    """A statement found what its own check (`throwIf`) says that there must not be."""


class StoreRejected(StoreFailed):
    """The store rejected the request for its size or its form, as it would again; no statement was run."""


class StoreTooNew(StoreRejected):
    """A later version of footfall has changed the store's schema: this one can neither read it nor load into it."""


class StoreDamaged(StoreFailed):
    """A statement read data of the store that is not as the store wrote it."""


# Codes about the loaded lines. Only these let the loader set a segment aside: a code that is not known here, or comes
# in a later version, leaves the segment where it is.
DATA_CODES = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    271: "CANNOT_DECOMPRESS",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    354: "ZLIB_INFLATE_FAILED",
    376: "CANNOT_PARSE_UUID",
    441: "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
    467: "CANNOT_PARSE_BOOL",
    469: "VIOLATED_CONSTRAINT",
    561: "ZSTD_DECODER_FAILED",
    632: "UNEXPECTED_DATA_AFTER_PARSED_VALUE",
    760: "UNICODE_ERROR",
}
# Codes of a store that stops, is overloaded, or cannot reach its other servers: the same query may succeed later.
AWAY_CODES = {
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    279: "ALL_CONNECTION_TRIES_FAILED",
    394: "QUERY_WAS_CANCELLED",
    745: "SERVER_OVERLOADED",
    999: "KEEPER_EXCEPTION",
}
# Codes that, while reading, are about the store's own files. Only these let a part of the table be given up: neither a
# lack of memory nor a code that is not known here passes for damage.
DAMAGE_CODES = {
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    40: "CHECKSUM_DOESNT_MATCH",
    117: "INCORRECT_DATA",
    226: "NO_FILE_IN_DATA_PART",
    228: "BAD_SIZE_OF_FILE_IN_DATA_PART",
    246: "CORRUPTED_DATA",
    271: "CANNOT_DECOMPRESS",
    432: "UNKNOWN_CODEC",
}
# Codes about the request or the text of its statement, not about the rows that it reads. 47, UNKNOWN_IDENTIFIER, is not
# one of them: a statement may name a column that a migration, which is under way, adds.
REQUEST_CODES = {
    36: "BAD_ARGUMENTS",
    62: "SYNTAX_ERROR",
    115: "UNKNOWN_SETTING",
    167: "TOO_DEEP_AST",
    168: "TOO_BIG_AST",
    307: "TOO_MANY_BYTES",
    456: "UNKNOWN_QUERY_PARAMETER",
    457: "BAD_QUERY_PARAMETER",
}
_TIMEOUT_EXCEEDED = 159
_MEMORY_LIMIT_EXCEEDED = 241
_CHECK_FAILED = 395
_TOO_MANY_ROWS_OR_BYTES = 396
_AUTHENTICATION_FAILED = 516
_CODE = re.compile(r"Code: (\d+)")
# clickhouse-connect's text for an answer without a code of ClickHouse. These statuses are about the request's form or
# size: 400, 411 without a length, and 413, 414 and 431 for a body, an address or a head that is too large.
_REJECTED = re.compile(r"HTTP driver received HTTP status (400|411|413|414|431)\b")


def is_lost(error: ClickHouseError) -> bool:
    """Whether the connection or its password no longer serves, so that the store's address must be read again."""
    # An error without a code comes from the transport, or from a proxy on the way.
    return not isinstance(error, ProgrammingError) and read_code(error) in (None, _AUTHENTICATION_FAILED)


def read_code(error: ClickHouseError) -> int | None:
    """ClickHouse's code of an error; an error in the middle of a result has it in its text only."""
    code = error.code if isinstance(error, Error) else None
    if code is None and isinstance(error, StreamFailureError) and (found := _CODE.search(str(error))):
        code = int(found.group(1))
    return code


def explain_load(error: ClickHouseError) -> StoreRefused | StoreUnavailable:
    """The exception that stands for a failed load."""
    return StoreRefused(str(error)) if read_code(error) in DATA_CODES else StoreUnavailable(str(error))


def explain_read(error: ClickHouseError) -> StoreTimeout | StoreUnavailable | StoreFailed:
    """The exception that stands for a failed query."""
    code = read_code(error)
    if code == _TIMEOUT_EXCEEDED:
        return StoreTimeout(str(error))
    if code == _MEMORY_LIMIT_EXCEEDED:
        return StoreMemory(str(error))
    if code == _CHECK_FAILED:
        return StoreDiffers(str(error))
    if code == _TOO_MANY_ROWS_OR_BYTES:
        return StoreLarge(str(error))
    if code in DAMAGE_CODES:
        return StoreDamaged(str(error))
    if code in REQUEST_CODES or (code is None and _REJECTED.match(str(error))):
        return StoreRejected(str(error))
    return StoreUnavailable(str(error)) if code in AWAY_CODES or is_lost(error) else StoreFailed(str(error))


def refuse_rejected(failure: str, error: StoreRejected) -> RequestRefused:
    """The refusal of a request whose statement the store rejects: 500, and no Retry-After, since a retry is vain.

    `failure` says what cannot be done: "the events cannot be counted".
    """
    _log.error("%s", failure, exc_info=error)
    text = f"{failure}: the events store refused the request for it, as it would again"
    return RequestRefused(Code.REQUEST_GENERAL_FAILURE, text)
