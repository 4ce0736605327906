"""What happened: one append-only record, written in the transaction that caused it."""

from appanage.events.model import PLATFORM, Actor, Event, Outcome, Target
from appanage.events.seen import SeenEvent
from appanage.events.service import record

__all__ = ["PLATFORM", "Actor", "Event", "Outcome", "SeenEvent", "Target", "record"]
