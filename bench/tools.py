"""nginx and wrk, from this machine, or else from Debian's archive, unpacked without root."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNPACKED = Path(sys.prefix) / "bench"
# What each needs that a small Debian may lack.
PACKAGES = {"nginx": ("nginx", "libpcre2-8-0", "libcrypt1"), "wrk": ("wrk", "libluajit-5.1-2", "libluajit-5.1-common")}


@dataclass(frozen=True)
class Tool:
    """A program, and the environment that it needs."""

    path: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def version(self) -> str:
        """The first line that it says about itself."""
        made = subprocess.run([self.path, "-v"], env=self.environment, capture_output=True, text=True, check=False)
        words = (made.stderr + made.stdout).splitlines()[0].split("Copyright")[0]
        return words.removeprefix("nginx version: ").strip()


def find(name: str) -> Tool | None:
    """The program, fetched if need be; None, with the reason told, where it is not to be had."""
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    if own := shutil.which(name, path=search):
        return Tool(Path(own))
    fetched = _unpacked(name)
    if fetched is None:
        try:
            _fetch(PACKAGES[name])
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", "") or error
            print(f"{name} is not on this machine, and Debian's archive does not give it: {told}", file=sys.stderr)
        fetched = _unpacked(name)
    return fetched


def _unpacked(name: str) -> Tool | None:
    for folder in ("usr/sbin", "usr/bin"):
        path = UNPACKED / folder / name
        if path.exists():
            place = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
            libraries = [UNPACKED / part / place for part in ("usr/lib", "lib")]
            found = os.pathsep.join(map(str, libraries))
            return Tool(path, os.environ | {"LD_LIBRARY_PATH": found})
    return None


def _fetch(packages: tuple[str, ...]) -> None:
    """Download and unpack; the lists of the archive are fetched into a folder of our own where there are none."""
    lists = UNPACKED / "apt"
    downloads = UNPACKED / "packages"
    for folder in (lists / "lists" / "partial", lists / "cache" / "archives" / "partial", downloads):
        folder.mkdir(parents=True, exist_ok=True)
    own = [f"-oDir::State::Lists={lists / 'lists'}", f"-oDir::Cache={lists / 'cache'}", "-oAPT::Sandbox::User="]
    try:
        _run(["apt-get", "download", *packages], downloads)
    except subprocess.CalledProcessError:
        _run(["apt-get", *own, "update"], downloads)
        _run(["apt-get", *own, "download", *packages], downloads)
    for package in downloads.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(UNPACKED)], downloads)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
