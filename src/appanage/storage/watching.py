"""Noticing that a transaction changes what processes remember, so that this one knows before the feed tells it."""

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import ORMExecuteState, Session

NOTES_USE = "notes_use"
"""The execution option of a statement that only notes a use."""

WATCHED = frozenset(
    {
        "account_licenses",
        "account_roles",
        "accounts",
        "apps",
        "authorizations",
        "bot_tokens",
        "client_keys",
        "client_secrets",
        "licenses",
        "organizations",
        "personal_tokens",
        "revocations",
        "signing_keys",
    }
)
"""The tables of which every process hears: revocations, and those whose triggers tell of changes."""

NOTES = frozenset({"last_used_at", "last_used_from", "tokens_retrieved_at"})
"""Columns that only note a use."""


class Watching:
    """A session that notices. `has_changed` tells whether it changed something that processes remember."""

    has_changed: bool = False


@event.listens_for(Session, "before_flush")
def _look_at_objects(session: Session, *_: Any) -> None:
    if not isinstance(session, Watching) or session.has_changed:
        return
    touched = (*session.new, *session.deleted)
    session.has_changed = any(_is_watched(one) for one in touched) or any(map(_is_changed, session.dirty))


@event.listens_for(Session, "do_orm_execute")
def _look_at_statement(state: ORMExecuteState) -> None:
    if state.is_select or not isinstance(state.session, Watching) or state.execution_options.get(NOTES_USE):
        return
    mapper = state.bind_mapper
    if mapper is not None and mapper.local_table.name in WATCHED:  # type: ignore[attr-defined]
        state.session.has_changed = True


def _is_watched(record: Any) -> bool:
    return record.__tablename__ in WATCHED


def _is_changed(record: Any) -> bool:
    columns = inspect(record).mapper.column_attrs.keys()
    state = inspect(record).attrs
    return _is_watched(record) and any(
        state[name].history.has_changes() for name in columns if name not in NOTES
    )
