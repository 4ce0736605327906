"""The letters about each type of event: whom they are for and what they say."""

from appanage.mail.composers.authorizing import AUTHORIZING
from appanage.mail.composers.ownership import OWNERSHIP
from appanage.mail.composers.reviewing import REVIEWING
from appanage.mail.composers.sandboxes import SANDBOXES
from appanage.mail.composers.suspending import SUSPENDING
from appanage.mail.composers.table import Composer

COMPOSERS: dict[str, Composer] = AUTHORIZING | OWNERSHIP | REVIEWING | SANDBOXES | SUSPENDING
"""Each is a pure function; what has become pointless since makes no letter."""

IN_PORTIONS = frozenset({"app.scopes_changed", "app.suspended", "app.suspension_lifted", "listing.removed"})
"""Those that concern every organization in which the app is authorized."""

__all__ = ["COMPOSERS", "IN_PORTIONS", "Composer"]
