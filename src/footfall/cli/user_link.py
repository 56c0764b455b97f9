"""`footfall user link` and `unlink`: which user the identity provider means by a subject."""

import click

from footfall.cli.auditing import audited
from footfall.cli.context import Needs, data_command
from footfall.cli.opening import open_state
from footfall.settings import Settings
from footfall.state import IdentityTaken
from footfall.system.clock import SystemClock


@click.command()
@click.argument("user_id", metavar="ID")
@click.argument("subject")
@data_command(Needs.STATE)
@audited("user.link", "user_id")
def link(settings: Settings, user_id: str, subject: str) -> None:
    """Have the user ID, who is there already, sign in with the identity provider, which calls them SUBJECT.

    When a sign-in is refused because the name is taken, the service's log has the subject. From then on the user's
    rights are those of their groups. The password goes on where `password_users` lets it.

    \b
    Example:
      footfall user link alice 248289761001
    """
    if not settings.oidc_issuer:
        raise click.ClickException("no identity provider is set: the setting oidc_issuer names it")
    with open_state(settings) as state:
        try:
            found = state.identities.link(user_id, settings.oidc_issuer, subject, SystemClock().now_ms())
        except IdentityTaken as error:
            raise click.ClickException(str(error)) from error
    if not found:
        raise click.ClickException(f"no such user: {user_id!r}; `footfall user list` shows them all")
    click.echo(f"user {user_id} signs in as {subject} of {settings.oidc_issuer}")


@click.command()
@click.argument("user_id", metavar="ID")
@data_command(Needs.STATE)
@audited("user.unlink", "user_id")
def unlink(settings: Settings, user_id: str) -> None:
    """Have the user ID sign in with the identity provider no more; their sessions end, their rights stay.

    \b
    Example:
      footfall user unlink alice
    """
    with open_state(settings) as state:
        if not state.identities.unlink(user_id):
            raise click.ClickException(f"user {user_id!r} is not linked to the identity provider")
    click.echo(f"user {user_id} does not sign in with the provider any more")
