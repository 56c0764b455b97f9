"""`footfall user drop-code` and `sign-out`: what beside the password lets a user in, or has let them in, is ended."""

import click

from footfall.cli.auditing import audited
from footfall.cli.context import Needs, data_command
from footfall.cli.opening import open_state
from footfall.settings import Settings
from footfall.state import State, User
from footfall.wording import count_of


@click.command("drop-code")
@click.argument("user_id", metavar="ID")
@data_command(Needs.STATE)
@audited("user.drop-code", "user_id")
def drop_code(settings: Settings, user_id: str) -> None:
    """Have the password of the user ID count alone again, without a code beside it.

    This is for who lost the app that shows the codes, and the recovery codes too.

    \b
    Example:
      footfall user drop-code alice
    """
    with open_state(settings) as state:
        if not state.factors.remove(_user(state, user_id).account):
            raise click.ClickException(f"the password of user {user_id} counts alone already")
    click.echo(f"the password of user {user_id} counts alone again")


@click.command("sign-out")
@click.argument("user_id", metavar="ID")
@data_command(Needs.STATE)
@audited("user.sign_out", "user_id")
def sign_out(settings: Settings, user_id: str) -> None:
    """End all sessions of the user ID, in whatever browser. The password and the keys of the user go on.

    \b
    Example:
      footfall user sign-out alice
    """
    with open_state(settings) as state:
        ended = state.sessions.remove_of(_user(state, user_id).account)
    click.echo(f"ended {count_of(ended, 'session')} of user {user_id}")


def _user(state: State, user_id: str) -> User:
    found = state.users.get(user_id)
    if found is None:
        raise click.ClickException(f"no such user: {user_id!r}; `footfall user list` shows them all")
    return found
