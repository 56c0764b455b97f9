"""What something between here and the store answers instead of it."""

import socket
import threading
from pathlib import Path

import pytest

from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreRejected, StoreUnavailable


def refuse_all(status: int) -> tuple[socket.socket, threading.Thread]:
    """Something between here and the store, which answers each request with this status, without the store's code."""
    listener = socket.create_server(("127.0.0.1", 0))
    answer = f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno".encode()

    def serve() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, StoreRejected), (413, StoreRejected), (414, StoreRejected), (431, StoreRejected), (502, StoreUnavailable)],
)
def test_the_status_of_a_refusal_is_read_from_what_the_library_raises(
    tmp_path: Path, status: int, expected: type[Exception]
) -> None:
    # The library tells the status in its words only: this holds them to it.
    listener, thread = refuse_all(status)
    port = listener.getsockname()[1]
    store = Store(Settings(data_dir=str(tmp_path), events_url=f"clickhouse://u:p@127.0.0.1:{port}/d"))
    try:
        with pytest.raises((StoreFailed, StoreUnavailable)) as caught:
            store.rows("SELECT 1", {})
        assert type(caught.value) is expected
    finally:
        store.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
