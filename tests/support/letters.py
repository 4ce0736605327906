"""A stage for letters: everybody who could be written to, and everything that could be written about."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from appanage import events
from appanage.apphub.model import Submission, SubmissionMessage, SubmissionState
from appanage.apps.model import AppOwner
from appanage.authorizations.model import (
    AppRule,
    AppRuleMode,
    Authorization,
    AuthorizationProposal,
    AuthorizationRequest,
    RequestOrigin,
)
from appanage.directory.model import Account, Sandbox
from appanage.directory.roles import Role
from appanage.events.model import UntoldEvent
from appanage.mail.model import Letter
from appanage.mail.telling import tell_some
from appanage.mail.writing import Desk
from appanage.storage import Record, Transaction
from support.world import World


def tell(world: World) -> None:
    """Writes the letters about everything that happened so far."""
    desk = Desk.of(world.deployment.settings)
    while _told_some(world, desk):
        pass


def _told_some(world: World, desk: Desk) -> bool:
    with world.deployment.transaction(world.origin) as tx:
        return tell_some(tx, desk) > 0


def letters(world: World) -> list[Letter]:
    """All that were written, the oldest first."""
    with world.deployment.transaction(world.origin) as tx:
        return list(tx.scalars(select(Letter).order_by(Letter.written_at, Letter.id)))


def forget_letters(world: World) -> None:
    """As if nobody had been told of anything, and nobody need be."""
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(delete(UntoldEvent))
        tx.execute(delete(Letter))


def to(written: Iterable[Letter]) -> dict[str, Letter]:
    """By the name of the recipient, who must have one only."""
    found = {one.name: one for one in written}
    assert len(found) == len(list(written))
    return found


@dataclass
class Stage:
    """Dana and Eva of Fabrikam own an app; Priya and Omar administer Northwind, Lena works there; Rita reviews."""

    world: World
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world = self.world
        self.northwind = world.organization("Northwind Traders")
        self.priya = world.full_admin(self.northwind, name="Priya Raman")
        self.omar = world.full_admin(self.northwind, name="Omar Haddad")
        self.lena = world.person(self.northwind, name="Lena Vogt")
        self.fabrikam = world.organization("Fabrikam GmbH")
        self.dana = world.developer(self.fabrikam, name="Dana Kim")
        self.eva = world.developer(self.fabrikam, name="Eva Brandt")
        self.rita = world.operators(Role.APP_REVIEWER)
        self.made = world.service_app(self.dana, name="Workforce Sync", requested=False)
        self.add(AppOwner(app_id=self.made.id, account_id=self.eva.id, since=self.now))
        world.list_app(self.made)
        self.authorization = world.authorize(self.made, self.priya)

    @property
    def now(self) -> datetime:
        return self.world.deployment.database.clock()

    def add(self, *records: Record) -> None:
        with self.world.deployment.transaction(self.world.origin) as tx:
            tx.add_all(records)

    def change(self, record: type[Record], id_: uuid.UUID, **values: Any) -> None:
        """Of any row, by its first key."""
        key = record.__mapper__.primary_key[0]
        with self.world.deployment.transaction(self.world.origin) as tx:
            tx.execute(update(record).where(key == id_).values(values))

    def happens(self, type_: str, *, by: Account, organization: Any = None, **data: Any) -> None:
        """Records an event about the app, as the service would that lets it happen."""
        with self.world.deployment.transaction(self.world.origin) as tx:
            self.record(tx, type_, by=by, organization=organization, **data)

    def record(
        self, tx: Transaction, type_: str, *, by: Account, organization: Any = None, **data: Any
    ) -> events.Event:
        there = organization or self.northwind
        target = events.Target("app", str(self.made.id), self.made.app.name, there.id, there.name)
        return events.record(
            tx,
            type_,
            organization_id=there.id,
            actor=by.as_actor(),
            target=target,
            app_id=self.made.id,
            data=data,
        )

    def request(
        self, by: Account, origin: RequestOrigin, *, at: datetime | None = None, **values: Any
    ) -> AuthorizationRequest:
        made = AuthorizationRequest(
            id=uuid.uuid4(),
            app_id=self.made.id,
            organization_id=self.northwind.id,
            requested_by=by.id,
            requested_by_name=by.display_name,
            requested_at=at or self.now,
            origin=origin.value,
            **values,
        )
        self.add(made)
        return made

    @contextmanager
    def named(self, mode: AppRuleMode) -> Iterator[None]:
        """While Northwind allows or blocks the app by name."""
        by = {"decided_at": self.now, "decided_by_name": self.priya.display_name}
        rule = AppRule(organization_id=self.northwind.id, app_id=self.made.id, mode=mode.value, **by)
        self.add(rule)
        yield
        with self.world.deployment.transaction(self.world.origin) as tx:
            tx.delete(rule)

    def proposal(self, by: Account, *, expires_in: timedelta = timedelta(days=7)) -> AuthorizationProposal:
        made = AuthorizationProposal(
            id=uuid.uuid4(),
            app_id=self.made.id,
            organization_id=self.northwind.id,
            app_version=1,
            scopes=list(self.made.app.scopes),
            note="It is urgent.",
            rule="second_administrator",
            proposed_by=by.id,
            proposed_by_name=by.display_name,
            proposed_at=self.now,
            expires_at=self.now + expires_in,
        )
        self.add(made)
        return made

    def submission(self, *, reviewer: Account | None = None) -> Submission:
        made = Submission(
            id=uuid.uuid4(),
            app_id=self.made.id,
            number=len(self.kept) + 1,
            state=SubmissionState.IN_REVIEW.value,
            content={},
            submitted_by=self.dana.id,
            submitted_by_name=self.dana.display_name,
            submitted_at=self.now,
            reviewer_id=reviewer.id if reviewer else None,
        )
        self.add(made)
        self.kept[str(made.id)] = made
        return made

    def writes(self, submission: Submission, by: Account, *texts: str) -> None:
        """Messages about a submission, all of one moment, each with its event."""
        with self.world.deployment.transaction(self.world.origin) as tx:
            from_reviewer = by.organization_id != self.fabrikam.id
            for text in texts:
                message = SubmissionMessage(
                    id=uuid.uuid4(),
                    submission_id=submission.id,
                    author_id=by.id,
                    author_name=by.display_name,
                    is_from_reviewer=from_reviewer,
                    text=text,
                    written_at=tx.now,
                )
                tx.add(message)
                named = {"submissionId": str(submission.id), "messageId": str(message.id)}
                self.record(tx, "submission.message", by=by, organization=self.fabrikam, **named)

    def sandbox(self, *, ends_in: timedelta = timedelta(days=90)) -> Sandbox:
        """Dana's, with an administrator whose address has no mailbox."""
        organization = self.world.organization("Dana’s sandbox")
        administrator = self.world.full_admin(organization, name="Dana Kim (sandbox)")
        made = Sandbox(
            organization_id=organization.id,
            owner_id=self.dana.id,
            administrator_id=administrator.id,
            created_at=self.now,
            expires_at=self.now + ends_in,
        )
        self.add(made)
        self.change(Account, administrator.id, email=f"dana-{uuid.uuid4().hex[:8]}@x1.machine.internal")
        return made

    def authorized_until(self, at: datetime | None) -> None:
        self.change(Authorization, self.authorization.id, ends_at=at)
