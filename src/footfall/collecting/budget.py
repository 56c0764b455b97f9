"""A budget of bytes in flight, one for each web process: of long bodies and of long answers."""

from footfall.errors import Code, RequestRefused

# Bodies and answers up to so many bytes are taken whatever others send: the answer to a body so short stays below what
# a connection holds before it stops reading, so that nothing waits for the clients of ordinary requests.
SHORT_BYTES_MAX = 16 * 1024
# Seconds after which a client should try again.
RETRY_AFTER_S = 1


class Budget:
    """Counts the bytes that are held for clients; once as many as the most are held, none of long ones are taken.

    So what is held can be more than the most by the last piece or answer that was taken, and by short ones.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.held_bytes = 0

    def admit(self, size_bytes: int) -> None:
        """Raise RequestRefused when the budget is spent, unless the body or the answer is a short one."""
        if size_bytes > SHORT_BYTES_MAX and self.held_bytes >= self._bytes_max:
            text = "too many bytes of other requests and of their answers are in flight"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
