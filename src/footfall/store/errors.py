"""What can go wrong with the store, and which of ClickHouse's codes mean what."""

import re

from clickhouse_connect.driver.exceptions import ClickHouseError, Error, ProgrammingError, StreamFailureError


class StoreUnavailable(Exception):
    """The store cannot do it now; the same call may succeed later."""


class StoreShort(StoreUnavailable):
    """The store did what it was told, but took another number of rows than it was handed lines."""


class StoreRefused(Exception):
    """A segment is itself at fault: what is in it can never be loaded as it is."""


class StoreTimeout(Exception):
    """A statement took longer than its `max_execution_time`."""


class StoreFailed(Exception):
    """A statement failed for a reason that trying again would not cure, or that nobody foresaw."""


class StoreMemory(StoreFailed):
    """A statement would have taken more memory than it may."""


class StoreRejected(StoreFailed):
    """The request itself was at fault, for its size or its form: nothing of it was run, nor would be next time."""


class StoreDamaged(StoreFailed):
    """What a statement had to read is not as the store wrote it."""


# Codes that speak of the data itself. Only these let the loader set a segment aside, so that any code that is not known
# here, or comes in a later version, leaves the segment where it is.
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
# Codes of a store that stops, is overloaded, or has lost a part of itself: a query may succeed when it is asked again.
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
# Codes that, while reading, speak of the store's own files. Only these let a part be given up, so that no want of
# memory, and nothing that is not known here, passes for damage.
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
# Codes that speak of the request or of its statement's text, not of what the statement found.
REQUEST_CODES = {
    36: "BAD_ARGUMENTS",
    47: "UNKNOWN_IDENTIFIER",
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
_AUTHENTICATION_FAILED = 516
_CODE = re.compile(r"Code: (\d+)")
# What clickhouse-connect says of an answer without ClickHouse's code; these statuses are about the request's own form
# or size: 400, 411 without a length, and 413, 414 and 431 for a body, an address or a head that is too large.
_REJECTED = re.compile(r"HTTP driver received HTTP status (400|411|413|414|431)\b")


def is_lost(error: ClickHouseError) -> bool:
    """Whether the connection, or the right to it, is gone, so that it is worth looking again where the store is."""
    # Without a code it was the transport, or something between here and the store, that answered.
    return not isinstance(error, ProgrammingError) and read_code(error) in (None, _AUTHENTICATION_FAILED)


def read_code(error: ClickHouseError) -> int | None:
    """ClickHouse's code of an error; one in the middle of a result has it in its text only."""
    code = error.code if isinstance(error, Error) else None
    if code is None and isinstance(error, StreamFailureError) and (found := _CODE.search(str(error))):
        code = int(found.group(1))
    return code


def explain_load(error: ClickHouseError) -> StoreRefused | StoreUnavailable:
    """What a failed load means."""
    return StoreRefused(str(error)) if read_code(error) in DATA_CODES else StoreUnavailable(str(error))


def explain_read(error: ClickHouseError) -> StoreTimeout | StoreUnavailable | StoreFailed:
    """What a failed query means."""
    code = read_code(error)
    if code == _TIMEOUT_EXCEEDED:
        return StoreTimeout(str(error))
    if code == _MEMORY_LIMIT_EXCEEDED:
        return StoreMemory(str(error))
    if code in DAMAGE_CODES:
        return StoreDamaged(str(error))
    if code in REQUEST_CODES or (code is None and _REJECTED.match(str(error))):
        return StoreRejected(str(error))
    return StoreUnavailable(str(error)) if code in AWAY_CODES or is_lost(error) else StoreFailed(str(error))
