"""Which service a command speaks to, as whom, and what it says when that fails."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import click
from footfall_client import DownloadDamaged, ReportFailed, ServiceError, Unreachable
from msgspec import Struct

from footfall.cli.context import settings_command
from footfall.cli.failures import Problems, program_name
from footfall.cli.remote import profiles
from footfall.cli.remote.profiles import Profile, ProfilesUnusable
from footfall.settings import Settings
from footfall.system.data_folder import is_served
from footfall.wording import plain

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
_URL: Final = "FOOTFALL_URL"
_UNKNOWN_AUTHORITY: Final = "; where that is one of your own, name its file by the variable SSL_CERT_FILE"
_PROFILE: Final = "FOOTFALL_PROFILE"
_USER: Final = "FOOTFALL_USER"
_PASSWORD: Final = "FOOTFALL_PASSWORD"  # noqa: S105 - the name of a variable
_KEY: Final = "FOOTFALL_KEY"
_PROBLEMS_SHOWN: Final = 10


class RemoteService(Struct, frozen=True):
    """The service that a command speaks to, and the credentials for it."""

    url: str
    auth: tuple[str, str] | str | None

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where compressing costs more than it saves."""
        return urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")

    def require_auth(self) -> None:
        """End the command where nobody is signed in."""
        if self.auth is None:
            raise click.ClickException(
                f"{self.url} answers this to users only: `{program_name()} login {self.url}`, or set {_KEY}"
            )


def service_command(command: AnyFunction) -> AnyFunction:
    """Pass a command the service that it speaks to, and give it --url and --profile."""

    @functools.wraps(command)
    def informed(settings: Settings, *arguments: Any, url: str | None, profile: str | None, **options: Any) -> Any:
        with told_failures():
            return command(find_service(settings, url, profile), *arguments, **options)

    named = click.option("--profile", metavar="NAME", help="The service and user of this profile of `footfall login`.")
    addressed = click.option("--url", metavar="URL", help="The service at this address.")
    return cast("AnyFunction", addressed(named(settings_command(informed))))


def find_service(settings: Settings, url: str | None, profile: str | None) -> RemoteService:
    """The service that the options, the environment, the profiles or this machine name; ends the command without."""
    url = url or (None if profile else os.environ.get(_URL))
    if url:
        checked_url(url)
        kept = next((one for one in _profiles().values() if one.url == url.rstrip("/")), None)
        return RemoteService(url.rstrip("/"), auth_of_environment() or (kept.auth if kept else None))
    found = _chosen(profile or os.environ.get(_PROFILE) or None)
    if found is not None:
        return RemoteService(found.url, found.auth if profile else auth_of_environment() or found.auth)
    with contextlib.suppress(OSError):
        if is_served(settings):
            return RemoteService(local_address(settings), auth_of_environment())
    name = program_name()
    raise click.ClickException(f"no service is named: say --url, or `{name} login https://events.example.com` once")


def auth_of_environment() -> tuple[str, str] | str | None:
    """The credentials of the variables; the process list does not show them."""
    if key := os.environ.get(_KEY):
        return key
    user, password = os.environ.get(_USER), os.environ.get(_PASSWORD)
    return (user, password) if user and password else None


def local_address(settings: Settings) -> str:
    """Where the service that runs on the data folder listens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - what it listens on
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def checked_url(url: str) -> str:
    """The address without a slash behind it; ends the command when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError as error:
        # A password may stand in it: it is not shown.
        raise click.ClickException("this is no address of a service, such as https://events.example.com") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise click.ClickException(
            f"{plain(parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl())!r} is no address of a service, "
            "such as https://events.example.com"
        )
    return url.rstrip("/")


@contextlib.contextmanager
def told_failures() -> Iterator[None]:
    """End the command with one line for what the service refuses, and for a network that fails."""
    try:
        yield
    except ServiceError as error:
        shown = [plain(one.reason) for one in error.problems[:_PROBLEMS_SHOWN]]
        if error.status == 401:
            raise click.ClickException("the service does not know this user, password or key") from error
        raise Problems("\n".join(shown) or f"the service answers {error.status}: {plain(error.message)}") from error
    except (DownloadDamaged, ReportFailed) as error:
        raise click.ClickException(plain(str(error))) from error
    except Unreachable as error:
        hint = _UNKNOWN_AUTHORITY if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
        raise click.ClickException(f"the service does not answer: {plain(str(error))}{hint}") from error


def _profiles() -> dict[str, Profile]:
    try:
        return profiles.read()
    except ProfilesUnusable as error:
        raise click.ClickException(str(error)) from error


def _chosen(name: str | None) -> Profile | None:
    try:
        return profiles.choose(profiles.read(), name)
    except ProfilesUnusable as error:
        raise click.ClickException(str(error)) from error
