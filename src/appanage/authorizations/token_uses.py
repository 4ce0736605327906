"""When personal and bot tokens were last used, and from where."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from appanage.authorizations.model import BotToken, PersonalToken
from appanage.kit.origin import Origin
from appanage.storage import Database, use


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A use that is worth noting."""

    record: type[PersonalToken] | type[BotToken]
    token_id: uuid.UUID


def use_of(token: PersonalToken | BotToken, now: datetime) -> TokenUse | None:
    """None when one was noted lately."""
    return None if token.was_noted_lately(now) else TokenUse(type(token), token.id)


def note(database: Database, origin: Origin, noted: TokenUse) -> None:
    """Notes the use, after the request."""
    use.note(database, origin, noted.record, noted.token_id, at="last_used_at", last_used_from=origin.address)
