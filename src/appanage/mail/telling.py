"""From events to letters. A few events a transaction: several workers do this at once, each with others."""

from collections.abc import Iterator
from dataclasses import replace

import structlog
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from appanage.events import Event
from appanage.events.model import UntoldEvent
from appanage.mail.composers import COMPOSERS, IN_PORTIONS
from appanage.mail.gathering import PORTION, stories_of
from appanage.mail.notices import Notice
from appanage.mail.story import Story
from appanage.mail.writing import Desk, write
from appanage.storage import Transaction

BATCH = 20

log = structlog.get_logger(__name__)


def tell_some(tx: Transaction, desk: Desk) -> int:
    """Writes the letters about the oldest untold events and settles these; 0 when nothing was left to tell."""
    untold = _take(tx)
    if untold:
        stories = stories_of(tx, untold, desk.head.brand)
        write(tx, desk, [notice for story in stories for notice in _notices(story)])
        for one, story in zip(untold, stories, strict=True):
            _settle(tx, one, story)
    return len(untold)


def _take(tx: Transaction) -> list[UntoldEvent]:
    query = select(UntoldEvent).join(UntoldEvent.event).options(contains_eager(UntoldEvent.event))
    oldest = query.order_by(Event.position).limit(BATCH)
    return list(tx.scalars(oldest.with_for_update(of=UntoldEvent, skip_locked=True)))


def _notices(story: Story) -> Iterator[Notice]:
    """Whoever did it knows; only of their own sandbox they get it in writing."""
    event = story.event
    knows = event.actor_id if not event.type.startswith("sandbox.") else None
    without = frozenset([knows]) if knows else frozenset()
    try:
        yield from [replace(one, without=one.without | without) for one in COMPOSERS[event.type](story)]
    except Exception:  # one event that cannot be told must not keep all others waiting
        log.exception("no letter about an event", event_id=str(event.id), type=event.type)


def _settle(tx: Transaction, untold: UntoldEvent, story: Story) -> None:
    """What concerns more organizations than fit into a portion stays, with the place to go on from."""
    if untold.event.type in IN_PORTIONS and len(story.places) == PORTION:
        untold.told_up_to = story.places[-1].authorization_id
    else:
        tx.delete(untold)
