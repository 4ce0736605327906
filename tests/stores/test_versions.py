"""Listed apps stay as they were reviewed: what adds or replaces waits, what takes away does not (checklist REG-13)."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from appanage.apps import credentials, owners, queries, service, versions
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppLogo, ClientProof, Visibility
from appanage.authorizations.model import Authorization
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid
from appanage.storage import Transaction
from support.connecting import connect
from support.consenting import allow
from support.uploads import picture
from support.world import CALLBACK, DESK_SCOPES, SIGNED_OUT, MadeApp, World

OTHER = "https://desk.fabrikam.example/other"
READ, ROOMS, _ = DESK_SCOPES
Desk = Callable[[], AbstractContextManager[tuple[Transaction, App, Account]]]


@pytest.fixture
def made(world: World) -> MadeApp:
    """A listed Integration with two of everything that there can be two of."""
    made = world.integration(
        redirect_urls=[CALLBACK, OTHER],
        scope_reasons={ROOMS: "To find a free desk."},
        company_name="Fabrikam GmbH",
        name="Desk Booking",
    )
    world.list_app(made)
    return made


@pytest.fixture
def reviewer(world: World) -> Account:
    return world.operators(Role.APP_REVIEWER)


@pytest.fixture
def desk(world: World, made: MadeApp) -> Desk:
    """The app in a transaction, locked as for a change, with its owner."""

    @contextmanager
    def open_() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            app = queries.get_owned(tx, made.developer, made.id, for_update=True)
            yield tx, app, tx.get_one(Account, made.developer.id)

    return open_


def change(desk: Desk, **said: Any) -> dict[str, Any]:
    """What is proposed after the developer said this."""
    with desk() as (tx, app, by):
        service.update(tx, app, replace(versions.wanted(app), **said), by=by)
        return dict(app.proposed or {})


def approve(desk: Desk, facts: dict[str, Any], reviewer: Account) -> None:
    with desk() as (tx, app, _):
        versions.apply(tx, app, facts, by=tx.get_one(Account, reviewer.id))


def live(desk: Desk) -> dict[str, Any]:
    with desk() as (_, app, _):
        return versions.reviewed_facts(app) | {"version": app.version}


def wanted(desk: Desk) -> dict[str, Any]:
    with desk() as (_, app, _):
        return versions.proposed_facts(app)


@pytest.mark.parametrize(
    ("said", "proposed"),
    [
        ({"name": "Desk Booking 2"}, {"name": "Desk Booking 2"}),
        ({"company_name": "Contoso"}, {"companyName": "Contoso"}),
        ({"company_name": None}, {"companyName": None}),
        (
            {"logo_url": "https://x.example/l.png"},
            {"logo": {"url": "https://x.example/l.png", "digest": None}},
        ),
        ({"redirect_urls": [CALLBACK, OTHER, f"{OTHER}2"]}, {"redirectUrls": [CALLBACK, OTHER, f"{OTHER}2"]}),
        ({"sign_out_urls": [SIGNED_OUT, OTHER]}, {"signOutUrls": [SIGNED_OUT, OTHER]}),
        (
            {"scopes": [*DESK_SCOPES, "spark:people_write"]},
            {"scopes": sorted([*DESK_SCOPES, "spark:people_write"])},
        ),
        ({"scope_reasons": {ROOMS: "Because."}}, {"scopeReasons": {ROOMS: "Because."}}),
        ({"client_proof": ClientProof.NONE}, {"clientProof": "none"}),
    ],
)
def test_what_is_reviewed_waits_and_the_live_app_stays(made, desk, world, reviewer, said, proposed):
    """REG-13: every reviewed field. What is approved is live then, and nothing waits any more."""
    before = live(desk)

    assert change(desk, **said) == proposed
    assert live(desk) == before
    told = world.events(made.developer.organization, "app.change_proposed")
    assert [set(event.data) for event in told] == [set(proposed)]

    approve(desk, wanted(desk), reviewer)

    after = live(desk)
    assert after == before | proposed | {"version": before["version"] + 1}
    assert wanted(desk) == {name: value for name, value in after.items() if name != "version"}
    [approved] = world.events(made.developer.organization, "app.version_approved")
    assert (approved.actor_id, set(approved.data)) == (reviewer.id, set(proposed))


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ({"scopes": [READ, ROOMS]}, {"scopes": [READ, ROOMS]}),
        ({"scopes": [READ]}, {"scopes": [READ], "scopeReasons": {}}),
        ({"redirect_urls": [OTHER]}, {"redirectUrls": [OTHER]}),
        ({"sign_out_urls": []}, {"signOutUrls": []}),
    ],
)
def test_what_takes_away_takes_effect_at_once(made, desk, said, changed):
    """REG-13, CONS-04."""
    before = live(desk)

    assert change(desk, **said) == {}
    assert live(desk) == before | changed | {"version": before["version"] + 1}


def test_what_nobody_reviews_changes_at_once(made, desk):
    change(
        desk, description="New.", contact_email="new@fabrikam.example", support_url="https://x.example/help"
    )

    with desk() as (_, app, _):
        assert (app.description, app.support_url, app.proposed) == ("New.", "https://x.example/help", None)


def test_one_change_may_take_away_at_once_and_add_later(made, desk, reviewer):
    """REG-13. Scopes that were all replaced leave none live; the last redirect URL stays until its successor comes."""
    proposed = change(desk, scopes=["spark:people_write"], redirect_urls=[f"{OTHER}2"], name="Renamed")

    facts = live(desk)
    assert proposed == {
        "name": "Renamed",
        "scopes": ["spark:people_write"],
        "redirectUrls": [f"{OTHER}2"],
    }
    assert (facts["scopes"], facts["redirectUrls"], facts["name"]) == ([], [CALLBACK, OTHER], "Desk Booking")

    approve(desk, wanted(desk), reviewer)

    assert live(desk)["redirectUrls"] == [f"{OTHER}2"]


def test_running_tokens_keep_what_they_may_until_it_is_taken_away(world: World, client: TestClient):
    """REG-13, CONS-04: a proposal changes nothing for anybody, a removal ends what rests on it, old tokens included."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization), scopes=["spark-admin:people_read"])
    world.authorize(made, admin)
    token = world.retrieve(made, organization).access_token.reveal()
    world.list_app(made)

    def answer() -> int:
        return client.get("/v1/people", headers={"authorization": f"Bearer {token}"}).status_code

    def change_scopes(*scopes: str, **said: Any) -> None:
        with world.deployment.transaction(world.origin) as tx:
            app = queries.get_owned(tx, made.developer, made.id, for_update=True)
            service.update(tx, app, replace(versions.wanted(app), scopes=scopes, **said), by=made.developer)

    change_scopes("spark-admin:people_read", "spark-admin:people_write")
    change_scopes(
        "spark-admin:people_read", "spark-admin:people_write", optional_scopes=["spark-admin:people_read"]
    )
    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_app(tx, made.id)
        assert (app.optional_scopes, (app.proposed or {})["optionalScopes"]) == (
            [],
            ["spark-admin:people_read"],
        )
    assert answer() == 200
    assert world.authorize(made, admin).scopes == ["spark-admin:people_read"]

    change_scopes("spark-admin:people_write")
    assert answer() == 403


def test_proposals_accumulate_and_are_dropped_in_parts_or_by_going_back(made, desk, world):
    change(desk, name="Renamed", scopes=[*DESK_SCOPES, "spark:people_write"])
    assert set(change(desk, company_name="Contoso")) == {"name", "scopes", "companyName"}
    assert set(change(desk, name="Desk Booking")) == {"scopes", "companyName"}

    with desk() as (tx, app, by):
        versions.discard(tx, app, by=by, names=["scopes"])
        assert set(app.proposed or {}) == {"companyName"}
    with desk() as (tx, app, by):
        versions.discard(tx, app, by=by)
        versions.discard(tx, app, by=by)
        assert app.proposed is None

    discarded = world.events(made.developer.organization, "app.change_discarded")
    assert sorted(tuple(event.data) for event in discarded) == [("companyName",), ("scopes",)]


def test_a_proposal_that_is_wrong_is_refused_and_one_from_an_old_form_too(made, desk):
    with pytest.raises(Invalid), desk() as (tx, app, by):
        service.update(tx, app, replace(versions.wanted(app), name="x" * 100), by=by)
    with desk() as (_, app, _):
        edition, version = app.edition, app.version
    change(desk, name="Renamed")
    with desk() as (_, app, _):
        assert (app.edition, app.version) == (edition + 1, version)
    with pytest.raises(Conflict, match="somebody else"), desk() as (tx, app, by):
        service.update(tx, app, replace(versions.wanted(app), name="Third"), by=by, edition=edition)


def test_what_was_taken_away_since_it_was_handed_in_stays_away_and_what_was_proposed_since_waits(
    made, desk, reviewer
):
    """REG-13, CONS-04: an approval never brings back a scope or a URL that its developers removed."""
    change(desk, name="Second", scopes=[*DESK_SCOPES, "spark:people_write", "spark:memberships_read"])
    handed_in = wanted(desk)
    change(desk, name="Third", scopes=[READ, "spark:people_write"], redirect_urls=[OTHER])

    approve(desk, handed_in, reviewer)

    facts = live(desk)
    assert (facts["name"], facts["redirectUrls"]) == ("Second", [OTHER])
    assert facts["scopes"] == sorted([READ, "spark:people_write"])
    with desk() as (_, app, _):
        assert app.proposed == {"name": "Third"}


def test_what_an_app_gave_up_and_asks_for_again_takes_another_consent(made, desk, world, reviewer):
    """CONS-03: at every resource; what people granted beside it stays."""
    person = world.person(world.organization())
    pair = connect(world, made.app, person, READ, ROOMS)
    change(desk, scopes=[READ])
    proposed = change(desk, scopes=[READ, ROOMS])

    approve(desk, proposed, reviewer)

    with world.deployment.transaction(world.origin) as tx:
        (given,) = tx.scalars(select(Authorization).where(Authorization.app_id == made.id))
        assert given.usable_scopes == given.consented_at(None) == {READ}
        assert given.added_scopes >= {ROOMS}
        assert world.deployment.verifier.caller_of(tx, pair.access_token.reveal()).scopes == {READ}
    allow(world, made.app, person, READ, ROOMS)
    with world.deployment.transaction(world.origin) as tx:
        assert tx.get_one(Authorization, given.id).usable_scopes == {READ, ROOMS}


def test_a_proposed_logo_is_kept_beside_the_live_one(made, desk, reviewer):
    """REG-13: the picture too is the reviewed one, until the other is approved."""
    first, second = picture(side=40), picture(side=60)
    with desk() as (tx, app, by):
        app.visibility = Visibility.PRIVATE
        service.set_logo(tx, app, first, by=by)
        app.visibility = Visibility.PUBLIC
        before, shown = app.logo_digest, tx.get_one(AppLogo, app.id).content
    with desk() as (tx, app, by):
        service.set_logo(tx, app, second, by=by)
    handed_in = wanted(desk)
    with desk() as (tx, app, by):
        service.set_logo(tx, app, None, by=by)
        assert app.logo_digest == before
        assert tx.get_one(AppLogo, app.id).content == shown
        assert app.proposed == {"logo": None}

    approve(desk, handed_in, reviewer)

    with desk() as (tx, app, by):
        assert app.logo_digest == handed_in["logo"]["digest"] != before
        assert tx.get_one(AppLogo, app.id).content != shown
        assert app.proposed == {"logo": None}
        service.set_logo(tx, app, second, by=by)
        assert app.proposed is None

    gone = handed_in | {"logo": {"url": None, "digest": "0" * 16}}
    with pytest.raises(Conflict, match="not kept any more"):
        approve(desk, gone, reviewer)


def test_only_the_newest_pictures_are_kept(made, desk):
    with desk() as (tx, app, by):
        for number in range(versions.PICTURES + 3):
            service.set_logo(tx, app, picture(side=20 + number), by=by)
        kept = queries.list_proposed_logos(tx, app)
        assert len(kept) == versions.PICTURES


def test_another_way_of_proving_ends_the_first_one_when_it_is_approved(desk, reviewer, world):
    change(desk, client_proof=ClientProof.NONE)
    with desk() as (tx, app, _):
        assert any(one.is_live(tx.now) for one in queries.list_secrets(tx, app))

    approve(desk, wanted(desk), reviewer)

    with desk() as (tx, app, _):
        assert not any(one.is_live(tx.now) for one in queries.list_secrets(tx, app))
    with desk() as (tx, app, by):
        service.update(tx, app, replace(versions.wanted(app), client_proof=ClientProof.SECRET), by=by)
        # Made ready while it waits; of no use when it is discarded.
        credentials.add_secret(tx, app, by=by, rules=world.deployment.app_rules)
        versions.discard(tx, app, by=by)
        assert not any(one.is_live(tx.now) for one in queries.list_secrets(tx, app))


def test_no_approval_leaves_an_app_without_what_it_proves_itself_by(made, desk, reviewer, world):
    """REG-13, CRED-10: dropping another part keeps what was made ready; a version without any is refused instead."""
    change(desk, client_proof=ClientProof.NONE)
    approve(desk, wanted(desk), reviewer)
    change(desk, client_proof=ClientProof.SECRET, name="Renamed")
    handed_in = wanted(desk)
    with desk() as (tx, app, by):
        ready = credentials.add_secret(tx, app, by=by, rules=world.deployment.app_rules)
        versions.discard(tx, app, by=by, names=["name"])
        assert ready.reveal()
        assert any(one.is_live(tx.now) for one in queries.list_secrets(tx, app))
        versions.discard(tx, app, by=by, names=["clientProof"])

    with pytest.raises(Conflict, match="has no client secret") as refused:
        approve(desk, handed_in, reviewer)
    assert refused.value.code == "no_proof"
    assert live(desk)["clientProof"] == "none"


def test_a_listed_bot_keeps_its_name_among_people_until_the_new_one_is_approved(world, reviewer):
    bot = world.bot(name="Stand-up Bot")
    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_owned(tx, bot.developer, bot.id, for_update=True)
        app.visibility = Visibility.PUBLIC
        service.update(tx, app, replace(versions.wanted(app), name="Retro Bot"), by=bot.developer)
        account = tx.get_one(Account, app.bot_account_id)
        assert account.display_name == "Stand-up Bot"
        versions.apply(tx, app, versions.proposed_facts(app), by=tx.get_one(Account, reviewer.id))
        assert account.display_name == app.name == "Retro Bot"


def test_what_waited_is_live_once_the_app_is_listed_no_more(made, desk, world):
    change(desk, name="Renamed", scopes=[*DESK_SCOPES, "spark:people_write"])
    with desk() as (tx, app, by):
        app.visibility = Visibility.ORGANIZATION
        service.update(tx, app, versions.wanted(app), by=by)
        assert (app.name, app.proposed) == ("Renamed", None)
        assert "spark:people_write" in app.scopes
    assert world.events(made.developer.organization, "app.updated")


def test_an_added_owner_waits_and_a_removed_one_is_gone_at_once(made, desk, world, reviewer):
    """REG-13: owners are reviewed too. Who left in the meantime becomes none, and nobody waits for them."""
    organization, rules = made.developer.organization, world.deployment.app_rules
    omar, lena, gone = (world.person(organization) for _ in range(3))
    with desk() as (tx, app, by):
        for one in (omar, gone):
            owners.add(tx, app, one, by=by, rules=rules)
        with pytest.raises(Conflict, match="when a reviewer approves"):
            owners.add(tx, app, omar, by=by, rules=rules)
        assert [str(one.account.id) for one in queries.list_owners(tx, app)] == [str(by.id)]
    handed_in = wanted(desk)
    with desk() as (tx, app, by):
        owners.add(tx, app, lena, by=by, rules=rules)
        tx.get_one(Account, gone.id).login_enabled = False

    approve(desk, handed_in, reviewer)

    with desk() as (tx, app, by):
        assert {one.account.id for one in queries.list_owners(tx, app)} == {by.id, omar.id}
        assert [one.id for one in queries.list_waiting_owners(tx, app)] == [lena.id]
        owners.remove(tx, app, omar.id, by=by, rules=rules)
        owners.remove(tx, app, lena.id, by=by, rules=rules)
        assert {one.account.id for one in queries.list_owners(tx, app)} == {by.id}
        assert app.proposed is None


def test_handing_a_listed_app_over_waits_as_a_whole(made, desk, world, reviewer):
    """REG-13: somebody answers for it until then."""
    omar = world.person(made.developer.organization)
    with desk() as (tx, app, by):
        owners.transfer(tx, app, omar, by=by, rules=world.deployment.app_rules)
        assert {one.account.id for one in queries.list_owners(tx, app)} == {by.id}

    approve(desk, wanted(desk), reviewer)

    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_app(tx, made.id)
        assert [one.account.id for one in queries.list_owners(tx, app)] == [omar.id]


def test_a_listed_app_is_handed_over_to_who_owns_it_already_unless_they_have_left(
    made, desk, world, reviewer
):
    """REG-13: the approval takes the other one away, as long as somebody who can act remains."""
    omar = world.person(made.developer.organization)
    with desk() as (tx, app, by):
        owners.add(tx, app, omar, by=by, rules=world.deployment.app_rules)
    approve(desk, wanted(desk), reviewer)
    with desk() as (tx, app, by):
        owners.transfer(tx, app, omar, by=by, rules=world.deployment.app_rules)
        tx.get_one(Account, omar.id).login_enabled = False
    handed_in = wanted(desk)

    approve(desk, handed_in, reviewer)
    with desk() as (tx, app, by):
        assert {one.account.id for one in queries.list_owners(tx, app)} == {by.id, omar.id}
        tx.get_one(Account, omar.id).login_enabled = True
    approve(desk, handed_in, reviewer)

    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_app(tx, made.id)
        assert [one.account.id for one in queries.list_owners(tx, app)] == [omar.id]


def test_a_draft_says_all_that_is_reviewed():
    """A field that a draft gains is either reviewed or known not to be."""
    unreviewed = {"kind", "description", "contact_email", "support_url", "privacy_url", "bot_email"}

    assert set(AppDraft.__slots__) == unreviewed | set(versions.REVIEWED.values()) | {"logo_url"}
