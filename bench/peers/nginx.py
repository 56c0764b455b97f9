"""nginx, which answers with the same bytes always and stores nothing: the most that HTTP gives on this machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
from service import HOST, free_port
from tools import Tool

# The short answer stands in the configuration, which is the fastest way; longer ones in files that are kept open. A
# file is given to GET alone: so the page in place of the refusal of a POST is the same file.
_CONFIGURATION = """
worker_processes WORKERS;
USER
daemon off;
pid FOLDER/pid;
error_log FOLDER/error.log crit;
events { worker_connections 16384; multi_accept on; }
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_max_body_size 16m;
    client_body_buffer_size 1m;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16 inactive=1h;
    server {
        listen HOST:PORT backlog=4096 reuseport;
        root FOLDER/answers;
        error_page 405 =200 $uri;
        location = /1 { return 200 'ANSWER'; }
    }
}
"""


@contextlib.contextmanager
def running(tool: Tool, folder: Path, workers: str, answers: Mapping[int, bytes]) -> Iterator[str]:
    """Its URL; the path /N gives the answer that belongs to N events."""
    folder.mkdir()
    (folder / "answers").mkdir()
    for number, body in answers.items():
        (folder / "answers" / str(number)).write_bytes(body)
    port = free_port()
    text = _CONFIGURATION.replace("ANSWER", answers[1].decode()).replace("FOLDER", str(folder))
    text = text.replace("WORKERS", workers).replace("HOST", HOST).replace("PORT", str(port))
    # As root it would become nobody, who may not look into the folder.
    text = text.replace("USER", "user root;" if os.geteuid() == 0 else "")
    (folder / "nginx.conf").write_text(text)
    command = [str(tool.path), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, env=tool.environment)
    url = f"http://{HOST}:{port}"
    try:
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/1").raise_for_status()
                break
            if process.poll() is not None:
                sys.exit(f"nginx did not start: {(folder / 'error.log').read_text()}")
            time.sleep(0.05)
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        process.wait()
