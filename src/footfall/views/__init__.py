"""Saved views: a statistic with its parameters under a name; and links that show one without a sign-in.

`Views` saves and finds views, and puts the parameters of a view into a call that names it. `Shares` makes links and
opens them. A link shows its numbers with the rights that the user who made it has when it is opened: it ends when that
user is removed, and shows nothing of a customer whom that user may not see any more. The service has no more of a link
than the hash of its token. `SharedAnswers` bounds what those can cause who have a link.
"""

from footfall.views.answers import SharedAnswers
from footfall.views.requests import ShareRequest, ViewRequest
from footfall.views.shares import OpenedShare, Shares, ShownShare
from footfall.views.views import ShownView, Views

__all__ = ["OpenedShare", "ShareRequest", "SharedAnswers", "Shares", "ShownShare", "ShownView", "ViewRequest", "Views"]
