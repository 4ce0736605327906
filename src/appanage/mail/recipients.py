"""Who is concerned, at the moment when a letter is written: people who can act, at addresses that can be reached."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from appanage.directory.roles import Role
from appanage.mail.notices import Administrators, Audience, Notice, Owners, People, Reviewers
from appanage.storage import Transaction

MOST = 50  # people of one kind who are told of one thing

Key = uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody with a mailbox. The administrator of a sandbox has none: for them it is the developer's.

    Nobody else of a sandbox is written to: its people do not exist.
    """

    account_id: uuid.UUID
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Directory:
    """The recipients of many notices."""

    owners: Mapping[Key, Sequence[Recipient]]
    administrators: Mapping[Key, Sequence[Recipient]]
    reviewers: Sequence[Recipient]
    people: Mapping[Key, Sequence[Recipient]]

    def of(self, notice: Notice) -> list[Recipient]:
        return [one for one in self._all(notice.to) if one.account_id not in notice.without]

    def _all(self, audience: Audience) -> Sequence[Recipient]:
        match audience:
            case Owners(app_id):
                return self.owners.get(app_id, ())
            case Administrators(organization_id):
                return self.administrators.get(organization_id, ())
            case Reviewers(taken_by):
                return [one for one in self.reviewers if one.account_id == taken_by] or self.reviewers
            case People(ids):
                return [one for id_ in sorted(ids) for one in self.people.get(id_, ())]


def find(tx: Transaction, audiences: Iterable[Audience], *, own_domains: Collection[str]) -> Directory:
    """Everybody whom these name, in four statements at the most. Addresses in `own_domains` have no mailbox."""
    wanted = list(audiences)
    reached = _Reached(tx, [f"%@{one}" for one in own_domains] + [f"%.{one}" for one in own_domains])
    return Directory(
        owners=reached.by(_OWNERS, {one.app_id for one in wanted if isinstance(one, Owners)}),
        administrators=reached.by(
            _ADMINISTRATORS, {one.organization_id for one in wanted if isinstance(one, Administrators)}
        ),
        reviewers=reached.reviewers() if any(isinstance(one, Reviewers) for one in wanted) else (),
        people=reached.by(_PEOPLE, {id_ for one in wanted if isinstance(one, People) for id_ in one.ids}),
    )


@dataclass(frozen=True, slots=True)
class _Reached:
    tx: Transaction
    unreachable: Sequence[str]

    def by(self, source: str, keys: Collection[uuid.UUID]) -> Mapping[Key, Sequence[Recipient]]:
        if not keys:
            return {}
        found: dict[Key, list[Recipient]] = {}
        values = {"keys": list(keys), "administrator": Role.FULL_ADMIN.value}
        for row in self._rows(source, values):
            found.setdefault(row.key, []).append(Recipient(row.id, row.address, row.name))
        return found

    def reviewers(self) -> Sequence[Recipient]:
        rows = self._rows(_REVIEWERS, {"reviewer": Role.APP_REVIEWER.value})
        return [Recipient(row.id, row.address, row.name) for row in rows]

    def _rows(self, source: str, values: Mapping[str, object]) -> Sequence[Row[Any]]:
        bound = {**values, "most": MOST, "unreachable": list(self.unreachable)}
        used = {name: value for name, value in bound.items() if f":{name}" in _REACHED + source}
        return self.tx.execute(text(_REACHED.format(source=source)), used).all()


_REACHED = """
SELECT key, id, address, name FROM (
    SELECT chosen.key, a.id, coalesce(developer.email, a.email) AS address,
        coalesce(developer.display_name, a.display_name) AS name,
        row_number() OVER (PARTITION BY chosen.key ORDER BY a.created_at, a.id) AS place
    FROM ({source}) AS chosen (key, account_id)
    JOIN accounts a ON a.id = chosen.account_id
    JOIN organizations o ON o.id = a.organization_id
    LEFT JOIN sandboxes s ON s.organization_id = a.organization_id
    LEFT JOIN accounts developer ON developer.id = s.owner_id
    WHERE a.kind = 'person' AND a.deleted_at IS NULL AND a.login_enabled AND o.suspended_at IS NULL
        AND (s.organization_id IS NULL
            OR s.administrator_id = a.id AND developer.deleted_at IS NULL AND developer.login_enabled)
        AND NOT lower(coalesce(developer.email, a.email)) LIKE ANY (cast(:unreachable AS text[]))
) AS reached WHERE place <= :most ORDER BY key, place
"""
_OWNERS = """
SELECT w.app_id, w.account_id FROM app_owners w WHERE w.app_id = ANY (cast(:keys AS uuid[]))
"""
_ADMINISTRATORS = """
SELECT a.organization_id, a.id FROM accounts a JOIN account_roles r ON r.account_id = a.id
WHERE a.organization_id = ANY (cast(:keys AS uuid[])) AND a.deleted_at IS NULL AND r.role = :administrator
"""
_REVIEWERS = """
SELECT NULL::uuid, a.id
FROM organizations o JOIN accounts a ON a.organization_id = o.id JOIN account_roles r ON r.account_id = a.id
WHERE o.is_operator AND a.deleted_at IS NULL AND r.role = :reviewer
"""
_PEOPLE = "SELECT a.id, a.id FROM accounts a WHERE a.id = ANY (cast(:keys AS uuid[]))"
