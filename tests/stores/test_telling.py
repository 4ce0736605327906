"""Whoever is concerned by an event is written to, once, and learns nothing that is not theirs to know."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import select, update

from appanage.apphub.model import Submission
from appanage.apps.model import App
from appanage.authorizations.model import AppRuleMode, Authorization, AuthorizationRequest, RequestOrigin
from appanage.deployment import assemble
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.events import Outcome
from appanage.events.catalogue import TYPES
from appanage.events.model import UntoldEvent
from appanage.mail import gathering, telling
from appanage.mail.composers import COMPOSERS, IN_PORTIONS
from appanage.mail.model import Letter
from appanage.mail.notices import Notice
from appanage.mail.story import Story
from appanage.mail.telling import tell_some
from appanage.mail.text import WIDTH
from appanage.mail.writing import Desk
from support.letters import Stage, forget_letters, letters, tell, to
from support.live import settings_for
from support.refusals import counted_statements
from support.world import World

ADMINISTRATORS = {"Priya Raman", "Omar Haddad"}
OWNERS = {"Dana Kim", "Eva Brandt"}


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: here everybody is told of everything."""
    return new_prepared_database()


@pytest.fixture(scope="module")
def scene(database_url: str) -> Iterator[Stage]:
    """One for the stories that leave it as it was."""
    deployment = assemble(settings_for(support_email="help@appanage.example"), database_url)
    yield Stage(World(deployment))
    deployment.database.dispose()


@pytest.fixture
def stage(scene: Stage) -> Stage:
    forget_letters(scene.world)
    return scene


def told(stage: Stage) -> dict[str, Letter]:
    tell(stage.world)
    return to(letters(stage.world))


def settle(stage: Stage, asked: AuthorizationRequest, type_: str, decision: str, **data: object) -> None:
    """An administrator decides on a request."""
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        decided = {"decision": decision, "decided_at": tx.now, "decided_by": stage.priya.id}
        tx.execute(update(AuthorizationRequest).where(AuthorizationRequest.id == asked.id).values(decided))
        stage.record(tx, type_, by=stage.priya, **data)


@pytest.fixture
def asked(stage: Stage) -> Iterator[Callable[..., AuthorizationRequest]]:
    made: list[AuthorizationRequest] = []

    def ask(*args: object, **values: object) -> AuthorizationRequest:
        made.append(stage.request(*args, **values))  # type: ignore[arg-type]
        return made[-1]

    yield ask
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        for one in made:
            tx.delete(one)


def test_every_type_that_is_told_has_its_letters_and_no_other_one_has():
    told_types = {type_.name for type_ in TYPES if type_.told}

    assert set(COMPOSERS) == told_types
    assert told_types > IN_PORTIONS
    assert len({type_.name for type_ in TYPES}) == len(TYPES)


def test_administrators_are_asked(stage: Stage, asked: Callable[..., AuthorizationRequest]):
    """With what a share records beside it, which is the same request."""
    request = asked(stage.dana, RequestOrigin.SHARE, message="We talked about it.\nCall me: +1 555 0100")
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        named = {"requestId": str(request.id)}
        stage.record(tx, "authorization.requested", by=stage.dana, **named)
        stage.record(tx, "app.shared", by=stage.dana, organization=stage.fabrikam, **named)
    written = told(stage)

    assert set(written) == ADMINISTRATORS
    assert written["Omar Haddad"].address == stage.omar.email
    assert written["Omar Haddad"].subject == "Dana Kim asks to authorize “Workforce Sync”"
    assert written["Omar Haddad"].body == (
        "Dana Kim of Fabrikam GmbH asks the administrators of Northwind Traders\n"
        "to authorize the Service App “Workforce Sync” by Fabrikam GmbH.\n\n"
        "It asks for 2 scopes, 1 of high risk.\n\n"
        "Dana Kim wrote:\n\n"
        "> We talked about it.\n> Call me: +1 555 0100\n\n"
        f"http://localhost:8080/hub/service-apps/{stage.made.id}\n\n"
        "--\n"
        "You get this letter from Appanage because you are a Full Administrator\n"
        "of Northwind Traders. Nobody reads answers to it. Questions:\n"
        "help@appanage.example.\n"
    )


def test_a_request_that_is_settled_already_asks_nobody(
    stage: Stage, asked: Callable[..., AuthorizationRequest]
):
    """The policy authorized the app at once, or whoever asked thought better of it."""
    request = asked(stage.lena, RequestOrigin.PERSON)
    settle(stage, request, "authorization.requested", "withdrawn", requestId=str(request.id))

    assert told(stage) == {}


def test_nobody_is_asked_for_what_is_blocked_by_name(
    stage: Stage, asked: Callable[..., AuthorizationRequest]
):
    """AUD-05: developers elsewhere can share it there still, and learn nothing."""
    request = asked(stage.dana, RequestOrigin.SHARE)
    with stage.named(AppRuleMode.BLOCK):
        stage.happens("authorization.requested", by=stage.dana, requestId=str(request.id))
        assert told(stage) == {}
    with stage.named(AppRuleMode.ALLOW):
        stage.happens("authorization.requested", by=stage.dana, requestId=str(request.id))
        assert set(told(stage)) == ADMINISTRATORS


def test_owners_and_whoever_asked_learn_of_the_decision_but_not_whose_it_was(
    stage: Stage, asked: Callable[..., AuthorizationRequest]
):
    """CONS-12, AUD-05."""
    ends_at = datetime(2027, 3, 9, tzinfo=stage.now.tzinfo)
    stage.authorized_until(ends_at)
    request = asked(stage.lena, RequestOrigin.PERSON)
    about = {"authorizationId": str(stage.authorization.id), "note": "Only for the pilot."}
    settle(stage, request, "authorization.created", "authorized", **about)
    written = told(stage)
    stage.authorized_until(None)

    assert set(written) == {*OWNERS, "Lena Vogt"}
    assert written["Dana Kim"].subject == "Northwind Traders authorized “Workforce Sync”"
    assert "It ends on 9 Mar 2027." in written["Dana Kim"].body
    assert "You asked for “Workforce Sync” by Fabrikam GmbH." in written["Lena Vogt"].body
    assert not [one for one in written.values() if "Priya" in one.body or "pilot" in one.body]


@pytest.mark.parametrize(("origin", "readers"), [("PERSON", {"Lena Vogt"}), ("DEVELOPER", OWNERS)])
def test_a_declined_request_is_told_to_those_whose_request_it_was(
    stage: Stage, asked: Callable[..., AuthorizationRequest], origin: str, readers: set[str]
):
    """AUD-05: that somebody took an interest in an app is no business of its developers."""
    asker = stage.lena if origin == "PERSON" else stage.dana
    request = asked(asker, RequestOrigin[origin])
    about = {"reason": "We have something like it.", "requestIds": [str(request.id)]}
    settle(stage, request, "authorization.request_declined", "declined", **about)
    written = told(stage)

    assert set(written) == readers
    for letter in written.values():
        assert "> We have something like it." in letter.body
        assert "Priya" not in letter.body


@pytest.mark.parametrize(
    ("type_", "data", "readers", "says"),
    [
        ("authorization.updated", {"added": ["spark:rooms_read"]}, OWNERS, "Granted now: spark:rooms_read."),
        ("authorization.changes_declined", {"reason": "Too much."}, OWNERS, "> Too much."),
        ("authorization.revoked", {"reason": "Not used."}, OWNERS, "> Not used."),
        ("authorization.expired", {}, OWNERS | ADMINISTRATORS, "came to its end"),
    ],
)
def test_what_an_organization_does_with_an_authorization(
    stage: Stage, type_: str, data: dict[str, object], readers: set[str], says: str
):
    by = stage.lena if type_ == "authorization.expired" else stage.priya
    stage.happens(type_, by=by, authorizationId=str(stage.authorization.id), **data)
    written = told(stage)

    assert set(written) == readers
    assert all(says in " ".join(one.body.split()) for one in written.values())
    assert not [one for name, one in written.items() if name in OWNERS and "Priya" in one.body]


def test_administrators_learn_that_an_app_was_deleted_and_not_by_whom(stage: Stage):
    """AUD-05. Its owners deleted it, so they know."""
    stage.change(App, stage.made.id, deleted_at=stage.now)
    stage.happens("authorization.revoked", by=stage.dana, reason="The app was deleted by its developer.")
    written = told(stage)
    stage.change(App, stage.made.id, deleted_at=None)

    assert set(written) == ADMINISTRATORS
    assert "Dana" not in written["Priya Raman"].body


def test_the_other_administrators_learn_of_a_proposal_and_its_proposer_what_became_of_it(stage: Stage):
    """CONS-07."""
    proposal = stage.proposal(stage.priya)
    named = {"proposalId": str(proposal.id), "reason": "Let us wait."}
    stage.happens("authorization.proposed", by=stage.priya, **named)
    proposed = told(stage)
    forget_letters(stage.world)
    stage.happens("authorization.proposal_declined", by=stage.omar, **named)
    declined = told(stage)
    forget_letters(stage.world)
    stage.happens("authorization.proposal_expired", by=stage.lena, proposalId=str(proposal.id))
    expired = told(stage)
    forget_letters(stage.world)
    stage.happens(
        "authorization.proposal_expired", by=stage.lena, **named | {"reason": "The policy decided."}
    )
    overtaken = told(stage)
    forget_letters(stage.world)
    by_another = named | {"reason": "One administrator decided.", "overtaken": True}
    stage.happens("authorization.proposal_declined", by=stage.omar, **by_another)
    overtaken_by_one = told(stage)
    forget_letters(stage.world)
    confirmed_by = {"proposedBy": str(stage.priya.id), "confirmedByName": "Omar Haddad"}
    stage.happens("authorization.created", by=stage.omar, **named | confirmed_by)
    created = told(stage)
    forget_letters(stage.world)
    stage.happens("authorization.updated", by=stage.omar, **named | confirmed_by)
    updated = told(stage)
    forget_letters(stage.world)
    stage.change(App, stage.made.id, deleted_at=stage.now)
    stage.happens("authorization.proposal_declined", by=stage.omar, **named)
    stage.happens("authorization.proposal_expired", by=stage.dana, **by_another)
    of_a_deleted_app = told(stage)
    stage.change(App, stage.made.id, deleted_at=None)

    assert set(proposed) == {"Omar Haddad"}
    assert "> It is urgent." in proposed["Omar Haddad"].body
    assert set(declined) == set(expired) == {"Priya Raman"}
    assert "Omar Haddad wrote:\n\n> Let us wait." in declined["Priya Raman"].body
    assert "agreed in time" in expired["Priya Raman"].body
    assert "The policy decided." in overtaken["Priya Raman"].body
    assert set(overtaken_by_one) == {"Priya Raman"}
    ended = " ".join(overtaken_by_one["Priya Raman"].body.split())
    assert "has ended before a second administrator agreed: One administrator decided." in ended
    assert "wrote:" not in ended
    assert set(created) == set(updated) == {"Priya Raman", *OWNERS}
    confirmed = "Omar Haddad confirmed your proposal to authorize “Workforce Sync”."
    assert all(confirmed in " ".join(one["Priya Raman"].body.split()) for one in (created, updated))
    assert of_a_deleted_app == {}


def test_reviewers_and_developers_write_to_each_other(stage: Stage):
    """Whoever reviews it, and all reviewers while nobody does, or when who did holds the role no more."""
    submission = stage.submission()
    named = {"submissionId": str(submission.id)}
    stage.happens("submission.created", by=stage.dana, organization=stage.fabrikam, **named)
    handed_in = told(stage)
    forget_letters(stage.world)
    stage.writes(submission, stage.dana, "Use the test account.")
    answered = told(stage)
    forget_letters(stage.world)
    stage.writes(submission, stage.rita, "Which test account?")
    asked = told(stage)
    forget_letters(stage.world)
    ruth = stage.world.operators(Role.APP_REVIEWER, name="Ruth Adler")
    stage.change(Submission, submission.id, reviewer_id=ruth.id)
    stage.writes(submission, stage.dana, "For you.")
    taken = told(stage)
    forget_letters(stage.world)
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        tx.get_one(Account, ruth.id).assign(frozenset())
    stage.writes(submission, stage.dana, "Another thing.", "The last one.")
    tell(stage.world)
    left = [one for one in letters(stage.world) if one.name == stage.rita.display_name]

    assert set(taken) == {"Ruth Adler"}
    assert "Ruth Adler" not in {one.name for one in letters(stage.world)}
    for text in ("Another thing.", "The last one."):  # of one moment, and each is told once
        assert sum(text in one.body for one in left) == 1
    assert stage.rita.display_name in handed_in
    assert f"/review/{submission.id}" in handed_in[stage.rita.display_name].body
    assert set(answered) == set(handed_in)
    assert "> Use the test account." in answered[stage.rita.display_name].body
    assert set(asked) == OWNERS
    assert "> Which test account?" in asked["Dana Kim"].body
    assert stage.rita.display_name not in asked["Dana Kim"].body


@pytest.mark.parametrize("outcome", ["approved", "rejected", "changes_requested"])
def test_owners_learn_how_a_review_ended(stage: Stage, outcome: str):
    reason = {"reason": "The support page does not answer."}
    stage.happens(f"submission.{outcome}", by=stage.rita, organization=stage.fabrikam, **reason)
    written = told(stage)

    assert set(written) == OWNERS
    assert "> The support page does not answer." in written["Dana Kim"].body
    assert f"/portal/apps/{stage.made.id}/listing" in written["Dana Kim"].body


@pytest.mark.parametrize("type_", ["app.suspended", "app.suspension_lifted"])
def test_the_kill_switch_is_told_to_owners_and_to_every_organization_it_reaches(stage: Stage, type_: str):
    stage.happens(type_, by=stage.rita, organization=stage.fabrikam, reason="It leaked tokens.")
    written = told(stage)

    assert set(written) == OWNERS | ADMINISTRATORS
    assert f"/portal/apps/{stage.made.id}" in written["Dana Kim"].body
    assert f"/hub/service-apps/{stage.made.id}" in written["Omar Haddad"].body
    assert all("> It leaked tokens." in one.body for one in written.values())


def test_leaving_the_app_hub_is_told_to_whoever_relies_on_the_review(stage: Stage):
    """The reason is for its owners, since it may say what is wrong with it."""
    stage.happens("listing.removed", by=stage.rita, organization=stage.fabrikam, reason="Its page is a copy.")
    written = told(stage)

    assert set(written) == OWNERS | ADMINISTRATORS
    assert "> Its page is a copy." in written["Dana Kim"].body
    assert "Its page is a copy." not in written["Omar Haddad"].body
    assert "can change the app without a review" in " ".join(written["Omar Haddad"].body.split())
    assert f"/hub/service-apps/{stage.made.id}" in written["Omar Haddad"].body


@pytest.mark.parametrize("type_", ["app.owner_added", "app.owner_removed", "app.transferred", "app.adopted"])
def test_who_owns_an_app_is_told_to_those_concerned(stage: Stage, type_: str):
    newcomer = stage.world.developer(stage.fabrikam, name="Noor Aziz")
    stage.happens(type_, by=stage.dana, organization=stage.fabrikam, personId=str(newcomer.id))
    written = told(stage)

    assert set(written) == {"Noor Aziz", "Eva Brandt"}
    assert "Dana Kim" in written["Noor Aziz"].body
    assert written["Noor Aziz"].subject != written["Eva Brandt"].subject


def test_a_sandbox_is_told_to_its_developer_once_although_two_organizations_record_it(stage: Stage):
    sandbox = stage.sandbox()
    for there in (stage.fabrikam, _organization(stage, sandbox.organization_id)):
        for type_ in ("sandbox.created", "sandbox.ended"):
            named = {"sandboxId": str(sandbox.organization_id)}
            stage.happens(type_, by=stage.dana, organization=there, **named)
    tell(stage.world)

    assert [(one.name, one.address) for one in letters(stage.world)] == [("Dana Kim", stage.dana.email)] * 2


def _organization(stage: Stage, organization_id: uuid.UUID) -> Organization:
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        return tx.get_one(Organization, organization_id)


def test_what_waits_in_a_sandbox_is_written_to_its_developer(stage: Stage):
    """Its administrator's own address has no mailbox, and its other people do not exist."""
    sandbox = stage.sandbox()
    there = _organization(stage, sandbox.organization_id)
    stranger = stage.world.full_admin(there, name="A stranger", domain="x1.machine.internal")
    stage.change(Account, stranger.id, email=f"victim-{stranger.id}@elsewhere.example")
    stage.happens("authorization.expired", by=stage.lena, organization=there)
    names = set(told(stage))

    assert "Dana Kim" in names
    assert "A stranger" not in names
    assert not [one for one in letters(stage.world) if one.address.endswith(".internal")]


def test_only_who_can_act_is_written_to(stage: Stage):
    stage.change(Account, stage.omar.id, login_enabled=False)
    stage.happens("authorization.expired", by=stage.lena)
    one_left = told(stage)
    forget_letters(stage.world)
    stage.change(Account, stage.omar.id, login_enabled=True)
    stage.change(Organization, stage.northwind.id, suspended_at=stage.now)
    stage.happens("authorization.expired", by=stage.lena)
    none_left = told(stage)
    stage.change(Organization, stage.northwind.id, suspended_at=None)

    assert set(one_left) == {*OWNERS, "Priya Raman"}
    assert set(none_left) == OWNERS


def test_a_refusal_and_an_event_that_is_undone_are_told_to_nobody(stage: Stage):
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        event = stage.record(tx, "authorization.revoked", by=stage.priya)
        tx.rollback()
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        event = stage.record(tx, "tokens.refused", by=stage.dana)
        event.outcome = Outcome.REFUSED.value

    assert told(stage) == {}


class TestInPortions:
    """What concerns every organization that authorized an app (checklist CONS-03)."""

    @pytest.fixture
    def wide(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[Account]:
        """Four further organizations with an administrator each; two organizations are told at a time."""
        monkeypatch.setattr(gathering, "PORTION", 2)
        monkeypatch.setattr(telling, "PORTION", 2)
        admins = [stage.world.full_admin(stage.world.organization(), name=f"Admin {n}") for n in range(4)]
        for admin in admins:
            stage.world.authorize(stage.made, admin)
        forget_letters(stage.world)
        return admins

    def test_each_is_told_once_in_transactions_of_their_own(self, stage: Stage, wide: list[Account]):
        stage.happens("app.suspended", by=stage.rita, organization=stage.fabrikam)
        desk, grown = Desk.of(stage.world.deployment.settings), []
        while True:
            with stage.world.deployment.transaction(stage.world.origin) as tx:
                if not tell_some(tx, desk):
                    break
            grown.append(len(letters(stage.world)))

        assert grown == [5, 7, 8]
        assert {one.address for one in letters(stage.world)} >= {admin.email for admin in wide}

    def test_scopes_wait_only_where_they_are_not_granted_and_are_told_once_a_day(
        self, stage: Stage, wide: list[Account]
    ):
        more = [*stage.made.app.scopes, "spark-admin:roles_read"]
        stage.change(App, stage.made.id, scopes=more)
        with stage.world.deployment.transaction(stage.world.origin) as tx:
            first = Authorization.organization_id == wide[0].organization_id
            tx.execute(update(Authorization).where(first).values(scopes=more))
            second = Authorization.organization_id == wide[1].organization_id
            tx.execute(update(Authorization).where(second).values(declined_scopes=more[-1:]))
        for _ in range(2):
            stage.happens("app.scopes_changed", by=stage.dana, organization=stage.fabrikam)
        tell(stage.world)
        written = {one.address: one for one in letters(stage.world)}
        stage.change(App, stage.made.id, scopes=more[:-1])

        told_to = set(written)
        assert len(letters(stage.world)) == len(written)
        assert {stage.priya.email, wide[2].email, wide[3].email} <= told_to
        assert not told_to & {wide[0].email, wide[1].email, stage.dana.email}
        assert "spark-admin:roles_read" in written[stage.priya.email].body


def test_names_and_words_of_others_are_data(stage: Stage, asked: Callable[..., AuthorizationRequest]):
    """No header, no control character, no turned direction; and everything fits on the lines of a letter."""
    evil = "Evil\r\nBcc: all@northwind.example\u2028\u202e\x1b[2J " + "very " * 40 + "long"
    before = stage.made.app.name
    stage.change(App, stage.made.id, name=evil)
    stage.change(Account, stage.omar.id, display_name=evil)
    message = (
        "From: the operator\x00\x1b[31m\n\n"
        "Click https://evil.example/" + "x" * 200 + "\u202e" + " and on" * 300
    )
    request = asked(stage.dana, RequestOrigin.DEVELOPER, message=message.replace("\x00", ""))
    stage.happens("authorization.requested", by=stage.dana, requestId=str(request.id))
    tell(stage.world)
    written = letters(stage.world)
    stage.change(App, stage.made.id, name=before)
    stage.change(Account, stage.omar.id, display_name="Omar Haddad")

    assert len(written) == 2
    for one in written:
        seen = one.subject + one.name + one.body
        assert not set(seen) & set("\r\x1b\x00\u2028\u202e")
        assert "\n" not in one.subject + one.name
        assert len(one.subject) <= 200
        assert len(one.name) <= 60
        own = [line for line in one.body.splitlines() if not line.startswith(">") and "://" not in line]
        assert all(len(line) <= WIDTH for line in own)
        assert "evil.example" in one.body
        assert not [line for line in own if "evil.example" in line]


def test_who_has_a_letter_about_it_gets_no_other(stage: Stage):
    """An owner who administers the organization as well, and a worker that died before it had settled the event."""
    stage.happens("authorization.expired", by=stage.lena)
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        event_id = tx.scalars(select(UntoldEvent.event_id)).one()
    first = told(stage)
    with stage.world.deployment.transaction(stage.world.origin) as tx:
        tx.add(UntoldEvent(event_id=event_id))

    assert told(stage).keys() == first.keys()


def test_one_event_that_cannot_be_told_keeps_no_other_waiting(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    def stumble(_: Story) -> Iterator[Notice]:
        raise LookupError

    monkeypatch.setitem(COMPOSERS, "authorization.updated", stumble)
    stage.happens("authorization.updated", by=stage.priya)
    stage.happens("authorization.revoked", by=stage.priya)

    assert set(told(stage)) == OWNERS


def test_ten_events_take_as_many_statements_as_one(stage: Stage):
    def statements_for(count: int) -> int:
        for _ in range(count):
            for type_ in (
                "authorization.revoked",
                "authorization.expired",
                "app.suspended",
                "submission.rejected",
            ):
                stage.happens(type_, by=stage.lena, authorizationId=str(stage.authorization.id))
        desk = Desk.of(stage.world.deployment.settings)
        with (
            stage.world.deployment.transaction(stage.world.origin) as tx,
            counted_statements(stage.world) as statements,
        ):
            tell_some(tx, desk)
            tx.flush()
        return len(statements)

    one, five = statements_for(1), statements_for(5)

    assert one == five


def test_several_workers_share_the_work(stage: Stage):
    """Each takes what no other has taken, and nothing is written twice."""
    for _ in range(60):
        stage.happens("authorization.revoked", by=stage.priya)
    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda _: tell(stage.world), range(3)))
    written = letters(stage.world)

    assert len(written) == 120
    assert len({(one.about, one.address) for one in written}) == 120


def test_nobody_is_written_to_where_nothing_is_sent(stage: Stage):
    """They are kept for the Outbox, and wait for nothing."""
    stage.happens("authorization.revoked", by=stage.priya)

    assert {one.next_attempt_at for one in told(stage).values()} == {None}
