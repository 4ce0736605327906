"""Letters that time writes: what waits for a decision, and what is about to end.

Every hour each kind of thing is asked for that has come into one of its stages lately. A letter's `about` names thing,
deadline and stage, so that each is written once; a stage that was missed for days is left out.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from appanage.kit.text import count_of
from appanage.mail.notices import Administrators, Notice, Owners, People
from appanage.mail.story import an_administrator_of, day, moment
from appanage.mail.text import Draft, named
from appanage.mail.writing import Desk, write
from appanage.storage import Transaction

BATCH = 200
LATEST = timedelta(days=3)
"""For so long after it began a stage is still worth a letter."""

Found = Row[Any]
FIRST = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """`days` before the deadline, or after the beginning; until when it is that stage and not the next one."""

    days: int
    lasts: timedelta


def stages(*days: int) -> tuple[Stage, ...]:
    """Each lasts until the next one, at most `LATEST`."""
    gaps = [abs(one - other) for one, other in zip(days, (*days[1:], days[-1] - 1), strict=True)]
    return tuple(
        Stage(one, min(LATEST, timedelta(days=gap or 1))) for one, gap in zip(days, gaps, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Reminder:
    """One kind of thing: the rows that are due at a stage, and what is written about one of them.

    `query` gives `id`, `about` and what the letter tells, of rows whose time is after `:since` and up to `:until`, in the
    order of `id`, those after `:after`.
    """

    stages: Sequence[Stage]
    query: str
    notices: Callable[[Found, Stage], list[Notice]]
    looks_back: bool = False

    def period(self, stage: Stage, now: datetime) -> tuple[datetime, datetime]:
        """Of the rows' own time."""
        if self.looks_back:
            began = now - timedelta(days=stage.days)
            return began - stage.lasts, began
        deadline = now + timedelta(days=stage.days)
        return deadline - stage.lasts, deadline


def kinds() -> Iterator[tuple[Reminder, Stage]]:
    """Every stage of everything."""
    return ((reminder, stage) for reminder in REMINDERS for stage in reminder.stages)


def remind_some(
    tx: Transaction, desk: Desk, reminder: Reminder, stage: Stage, after: uuid.UUID
) -> uuid.UUID | None:
    """Writes the letters about the next rows after `after`; the last one's id, or None when there are no more."""
    since, until = reminder.period(stage, tx.now)
    values = {"since": since, "until": until, "now": tx.now, "stage": stage.days, "after": after}
    query = _ONCE.format(query=reminder.query)
    used = {name: value for name, value in values.items() if f":{name}" in query}
    rows = tx.execute(text(query), used | {"batch": BATCH}).all()
    write(tx, desk, [notice for row in rows for notice in reminder.notices(row, stage)])
    return rows[-1].id if len(rows) == BATCH else None


# What was written about is left out at once, so that an hour later nothing is looked up again.
_ONCE = """
SELECT * FROM ({query}) AS due
WHERE NOT EXISTS (SELECT FROM letters WHERE letters.about = due.about)
ORDER BY due.id LIMIT :batch
"""


def _waiting(row: Found, stage: Stage) -> list[Notice]:
    app, there = f"“{named(row.app)}”", named(row.organization)
    paragraphs = [
        f"{named(row.asker)} asked on {day(row.at)} to authorize {app} by {named(row.maker)} for {there}. It waits."
    ]
    paragraphs += [f"{count_of(row.askers, 'person', 'people')} ask for it by now."] if row.askers > 1 else []
    draft = Draft(
        about=row.about,
        subject=f"{app} has waited {stage.days} days for a decision",
        paragraphs=[*paragraphs, "Authorize the app or decline the request."],
        link=f"/hub/service-apps/{row.app_id}",
        why=an_administrator_of(there),
    )
    return [Notice(Administrators(row.organization_id), draft)]


def _ending(row: Found, stage: Stage) -> list[Notice]:
    app, there = f"“{named(row.app)}”", named(row.organization)
    subject = f"The authorization of {app} in {there} ends {_within(stage)}"
    sentence = f"{there} authorized {app} by {named(row.maker)} until {moment(row.at)}. Its tokens stop working then."
    admins = Draft(
        about=row.about,
        subject=subject,
        paragraphs=[sentence, "Authorize it with a later end if your organization still needs it."],
        link=f"/hub/service-apps/{row.app_id}",
        why=an_administrator_of(there),
    )
    owners = Draft(
        about=row.about,
        subject=subject,
        paragraphs=[sentence, f"Administrators of {there} can authorize it with a later end."],
        link=f"/portal/apps/{row.app_id}/orgs",
        why=f"you are an owner of {app}",
    )
    return [Notice(Administrators(row.organization_id), admins), Notice(Owners(row.app_id), owners)]


def _secret(row: Found, stage: Stage) -> list[Notice]:
    app = f"“{named(row.app)}”"
    has_ended = stage.days == 0
    says = f"expired on {moment(row.at)}" if has_ended else f"expires on {moment(row.at)}"
    draft = Draft(
        about=row.about,
        subject=f"A client secret of {app} {'has expired' if has_ended else f'expires {_within(stage)}'}",
        paragraphs=[
            f"The client secret of {app} that ends in {row.last_four} {says}. It is of no use from then on.",
            "Make a new one and put it in place; the old one can go on working for a while.",
        ],
        link=f"/portal/apps/{row.app_id}/credentials",
        why=f"you are an owner of {app}",
    )
    return [Notice(Owners(row.app_id), draft)]


def _sandbox(row: Found, stage: Stage) -> list[Notice]:
    name = f"“{named(row.organization)}”"
    draft = Draft(
        about=row.about,
        subject=f"Your sandbox {name} ends {_within(stage)}",
        paragraphs=[
            f"Your sandbox {name} ends on {moment(row.at)}. What it authorized ends with it.",
            "You can extend it until then.",
        ],
        link="/portal/sandboxes",
        why="the sandbox is yours",
    )
    return [Notice(People.of(row.owner_id), draft)]


def _proposal(row: Found, stage: Stage) -> list[Notice]:
    del stage
    app, there = f"“{named(row.app)}”", named(row.organization)
    draft = Draft(
        about=row.about,
        subject=f"A proposal to authorize {app} ends soon",
        paragraphs=[
            f"{named(row.asker)} proposed to authorize {app} by {named(row.maker)} for {there}.",
            f"A second Full Administrator has time until {moment(row.at)} to confirm or decline it.",
        ],
        link=f"/hub/service-apps/{row.app_id}",
        why=an_administrator_of(there),
    )
    return [Notice(Administrators(row.organization_id), draft, without=frozenset([row.proposed_by]))]


def _within(stage: Stage) -> str:
    return f"in {count_of(stage.days, 'day', 'days')}"


# Of several requests for one app the oldest one stands for all; which of them count is as in `open_requests.stands`.
_REQUESTS = """
SELECT r.id, 'request:' || r.id || ':' || to_char(r.requested_at AT TIME ZONE 'UTC', 'YYYYMMDD') || ':' || :stage AS about,
    r.app_id, a.name AS app, m.name AS maker, r.organization_id, o.name AS organization, r.requested_by_name AS asker,
    r.requested_at AS at, (
        SELECT count(DISTINCT w.requested_by) FROM authorization_requests w
        WHERE w.app_id = r.app_id AND w.organization_id = r.organization_id AND w.decided_at IS NULL
            AND (a.visibility = 'public' OR w.origin = 'share' OR a.organization_id = w.organization_id)
    ) AS askers
FROM authorization_requests r JOIN apps a ON a.id = r.app_id JOIN organizations m ON m.id = a.organization_id
JOIN organizations o ON o.id = r.organization_id
WHERE r.decided_at IS NULL AND r.requested_at > :since AND r.requested_at <= :until AND r.id > :after
    AND (a.visibility = 'public' OR r.origin = 'share' OR a.organization_id = r.organization_id)
    AND a.deleted_at IS NULL AND a.suspended_at IS NULL AND o.suspended_at IS NULL AND NOT EXISTS (
        SELECT FROM authorization_requests e
        WHERE e.app_id = r.app_id AND e.organization_id = r.organization_id AND e.decided_at IS NULL
            AND (a.visibility = 'public' OR e.origin = 'share' OR a.organization_id = e.organization_id)
            AND (e.requested_at, e.id) < (r.requested_at, r.id)
    ) AND NOT EXISTS (
        SELECT FROM app_rules b WHERE b.app_id = r.app_id AND b.organization_id = r.organization_id AND b.mode = 'block'
    )
"""
_ENDS = """
SELECT z.id, 'end:' || z.id || ':' || to_char(z.ends_at AT TIME ZONE 'UTC', 'YYYYMMDD') || ':' || :stage AS about,
    z.app_id, a.name AS app, m.name AS maker, z.organization_id, o.name AS organization, z.ends_at AS at
FROM authorizations z JOIN apps a ON a.id = z.app_id JOIN organizations m ON m.id = a.organization_id
JOIN organizations o ON o.id = z.organization_id
WHERE z.ended_at IS NULL AND z.kind = 'organization' AND z.ends_at > :since AND z.ends_at <= :until AND z.id > :after
    AND z.authorized_at <= z.ends_at - make_interval(days => :stage) AND o.suspended_at IS NULL
"""
_SECRETS = """
SELECT s.id, 'secret:' || s.id || ':' || :stage AS about, s.app_id, a.name AS app, s.last_four, s.expires_at AS at
FROM client_secrets s JOIN apps a ON a.id = s.app_id
WHERE s.revoked_at IS NULL AND s.expires_at > :since AND s.expires_at <= :until AND s.id > :after
    AND s.created_at <= s.expires_at - make_interval(days => :stage) AND a.deleted_at IS NULL
"""
_SANDBOXES = """
SELECT s.organization_id AS id, s.owner_id, o.name AS organization, s.expires_at AS at,
    'sandbox:' || s.organization_id || ':' || to_char(s.expires_at AT TIME ZONE 'UTC', 'YYYYMMDD') || ':' || :stage AS about
FROM sandboxes s JOIN organizations o ON o.id = s.organization_id
WHERE s.ended_at IS NULL AND s.expires_at > :since AND s.expires_at <= :until AND s.organization_id > :after
    AND s.created_at <= s.expires_at - make_interval(days => :stage)
"""
_PROPOSALS = """
SELECT p.id, 'proposal:' || p.id AS about, p.app_id, a.name AS app, m.name AS maker, p.organization_id,
    o.name AS organization, p.proposed_by_name AS asker, p.proposed_by, p.expires_at AS at
FROM authorization_proposals p JOIN apps a ON a.id = p.app_id JOIN organizations m ON m.id = a.organization_id
JOIN organizations o ON o.id = p.organization_id
WHERE p.state = 'waiting' AND p.expires_at > :since AND p.expires_at <= :until AND p.id > :after
    AND p.proposed_at <= p.expires_at - make_interval(days => :stage) AND a.deleted_at IS NULL
    AND p.app_version = a.version
"""

REMINDERS = (
    Reminder(stages(3, 7, 14), _REQUESTS, _waiting, looks_back=True),
    Reminder(stages(30, 7, 1), _ENDS, _ending),
    Reminder(stages(30, 14, 7, 1, 0), _SECRETS, _secret),
    Reminder(stages(14, 3, 1), _SANDBOXES, _sandbox),
    Reminder(stages(1), _PROPOSALS, _proposal),
)
