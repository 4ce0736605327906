"""Requests over the API: apps sent to other organizations, asked for by people, looked at and decided on by both sides."""

import uuid
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.test_statements import statements_of
from appanage.apps import service as apps
from appanage.apps.queries import get_app
from appanage.authorizations.model import Requesters, SecondAdministrator
from appanage.directory import domains
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support.asking import request, set_app_policy, share
from support.deciding import authorizations_of
from support.refusals import counted_statements
from support.world import NARRATOR, MadeApp, World

INVISIBLE = "There is no app with this id, or it is not yours to see."
HERE, MINE = "/authorizationRequests", "/authorizationRequests?scope=mine"


@pytest.fixture
def fabrikam(world: World) -> Organization:
    """Where the app is made; its administrators decide nothing here."""
    return world.organization("Fabrikam GmbH")


@pytest.fixture
def dana(world: World, fabrikam: Organization) -> Account:
    return world.developer(fabrikam, name="Dana Kim")


@pytest.fixture
def maker(world: World, calling: Calling, dana: Account) -> Caller:
    """The app's developer."""
    return calling(world.token(dana))


@pytest.fixture
def made(world: World, dana: Account) -> MadeApp:
    """A private app."""
    return world.service_app(dana, requested=False, name="Workforce Sync")


def path_of(made: MadeApp, what: str) -> str:
    return f"/applications/{made.client_id}/{what}"


def decide(caller: Caller, asked: dict[str, Any], status: int = 200, **decision: Any) -> Any:
    return caller.post(f"/authorizationRequests/{asked['id']}/decision", decision, status)


class TestSharing:
    def test_an_app_is_sent_to_an_organization_which_authorizes_it(
        self, world: World, maker: Caller, admin: Caller, made: MadeApp, organization: Organization
    ):
        """AUD-05: its developers learn its name by that, and never who of it decided."""
        with world.deployment.transaction(world.origin) as tx:
            domain = domains.verify(tx, f"{uuid.uuid4().hex}.example", organization, by=NARRATOR)
        shared = maker.post(path_of(made, "shares"), {"domain": domain, "message": "As agreed."})

        assert shared == {
            "id": shared["id"],
            "applicationId": world.app_id(made),
            "applicationName": "Workforce Sync",
            "sharedWith": domain,
            "origin": "share",
            "state": "waiting",
            "requestedBy": world.public_id(Kind.PEOPLE, made.developer.id),
            "requestedByName": "Dana Kim",
            "message": "As agreed.",
            "created": shared["created"],
        }
        assert maker.get(path_of(made, "shares"))["items"] == [shared]
        assert maker.get(path_of(made, f"shares/{shared['id']}")) == shared
        assert maker.get(MINE)["items"] == [shared]

        [seen] = admin.get(f"{HERE}?state=waiting&origin=share&applicationName=workforce")["items"]
        assert (seen["orgName"], seen["message"]) == ("Northwind Traders", "As agreed.")
        assert "sharedWith" not in seen

        done = decide(admin, seen, decision="authorize", note="Ticket 4711")

        assert (done["state"], done["decidedByName"]) == ("authorized", "Priya Raman")
        [authorized] = maker.get(path_of(made, "authorizations"))["items"]
        assert done["authorizationId"] == authorized["id"]
        [known] = maker.get(f"{MINE}&state=authorized&applicationId={made.client_id}")["items"]
        assert (known["orgName"], known["orgId"]) == (
            "Northwind Traders",
            world.organization_id(organization),
        )
        assert "decidedByName" not in known
        assert maker.get(f"{MINE}&state=waiting")["items"] == []
        decide(admin, seen, 409, decision="decline", reason="Too late.")
        maker.delete(path_of(made, f"shares/{shared['id']}"), 409)

    def test_a_wrong_id_and_a_wrong_domain_read_alike_and_guessing_ends_soon(
        self, world: World, maker: Caller, made: MadeApp
    ):
        """CONS-12."""
        by_id = maker.post(path_of(made, "shares"), {"orgId": str(uuid.uuid4())}, 400)
        by_domain = maker.post(path_of(made, "shares"), {"domain": "nobody.example"}, 400)

        assert by_id["message"] == by_domain["message"]
        assert by_id["message"].startswith("No organization can be reached by this.")
        for both_or_none in ({}, {"orgId": "x", "domain": "y.example"}):
            maker.post(path_of(made, "shares"), both_or_none, 400)
        for number in range(18):
            maker.post(path_of(made, "shares"), {"domain": f"guess-{number}.example"}, 400)
        maker.post(path_of(made, "shares"), {"orgId": world.organization_id(world.organization())}, 429)
        assert int(maker.response.headers["retry-after"]) > 0

    def test_a_withdrawn_share_is_gone_for_the_other_organization(
        self, maker: Caller, admin: Caller, made: MadeApp, organization: Organization
    ):
        """CONS-12: same 404 as for an app that was never there, nothing in lists."""
        shared = maker.post(path_of(made, "shares"), {"orgId": str(organization.id)})
        [seen] = admin.get(HERE)["items"]
        assert admin.get(f"/serviceApps/{made.client_id}")["name"] == "Workforce Sync"

        maker.delete(path_of(made, f"shares/{shared['id']}"))

        unknown = admin.get(f"/serviceApps/{uuid.uuid4()}", 404)["message"]
        assert admin.get(f"/serviceApps/{made.client_id}", 404)["message"] == unknown == INVISIBLE
        assert admin.post(path_of(made, "authorize"), {}, 404)["message"] == INVISIBLE
        assert decide(admin, seen, 404, decision="authorize")["message"].startswith("There is no request")
        assert admin.get(HERE)["items"] == admin.get("/serviceApps")["items"] == []
        assert maker.get(path_of(made, f"shares/{shared['id']}"))["state"] == "withdrawn"

    def test_a_private_app_and_one_that_never_was_cost_and_read_the_same(
        self, world: World, admin: Caller, made: MadeApp
    ):
        """CONS-12: same 404, same statements; also for what was asked for it elsewhere."""
        asked = share(world, made, world.organization())
        shared = world.public_id(Kind.AUTHORIZATION_REQUEST, asked.id)

        def answers(app: str, request: str) -> list[tuple[str, int]]:
            found = []
            for method, path, body in (
                ("POST", f"/applications/{app}/authorizationRequests", {}),
                ("POST", f"/applications/{app}/shares", {"orgId": str(uuid.uuid4())}),
                ("GET", f"/applications/{app}/shares", None),
                ("POST", f"/authorizationRequests/{request}/decision", {"decision": "authorize"}),
                ("DELETE", f"/authorizationRequests/{request}", None),
            ):
                with counted_statements(world) as statements:
                    refusal = admin.send(method, path, 404, json=body)
                found.append((refusal["message"], len(statements)))
            return found

        admin.get(HERE)  # keys and other things that are read once
        nobodys = answers(str(uuid.uuid4()), str(uuid.uuid4()))

        assert answers(str(made.id), shared) == nobodys
        assert admin.get(f"{HERE}?applicationId={made.id}")["items"] == []


class TestAskingAsAPerson:
    def test_somebody_asks_for_a_listed_app_and_learns_why_not(
        self, world: World, calling: Calling, maker: Caller, admin: Caller, lena: Account, made: MadeApp
    ):
        """CONS-12: before it is listed the app does not exist for them."""
        person = calling(world.token(lena))
        assert person.post(path_of(made, "authorizationRequests"), {}, 404)["message"] == INVISIBLE
        world.list_app(made)

        asked = person.post(path_of(made, "authorizationRequests"), {"message": "For our front desk."})

        assert (asked["origin"], asked["state"], asked["orgName"]) == (
            "person",
            "waiting",
            "Northwind Traders",
        )
        assert person.get(MINE)["items"] == [asked]
        assert maker.get(MINE)["items"] == []
        assert maker.get(f"/applications/{made.client_id}").get("orgSubmissionStatus") != "submitted"
        person.get(HERE, 403)
        decide(person, asked, 404, decision="authorize")
        decide(admin, asked, 400, decision="decline")
        declined = decide(admin, asked, decision="decline", reason="We have one.")
        assert declined["state"] == "declined"
        [mine] = person.get(MINE)["items"]
        assert (mine["reason"], mine["decidedByName"]) == ("We have one.", "Priya Raman")
        assert person.post(path_of(made, "authorizationRequests"), {}, 409)["message"].startswith(
            "You asked, and"
        )

    def test_the_policy_authorizes_at_once_or_refuses(
        self, world: World, calling: Calling, admin: Caller, priya: Account, lena: Account, dana: Account
    ):
        person = calling(world.token(lena))
        low = world.service_app(dana, requested=False, scopes=["spark-admin:locations_read"])
        other = world.service_app(dana, requested=False)
        for one in (low, other):
            world.list_app(one)
        set_app_policy(world, priya, authorizes_low_risk=True)

        assert person.post(path_of(low, "authorizationRequests"))["state"] == "authorized"

        set_app_policy(world, priya, requesters=Requesters.NOBODY)
        refused = person.post(path_of(other, "authorizationRequests"), {}, 403)
        assert refused["message"] == "The policy of your organization takes no requests for apps."
        [seen] = admin.get(HERE)["items"]
        assert seen["applicationId"] == world.app_id(low)

    def test_a_withdrawn_request_waits_no_more_and_is_nobody_elses_to_withdraw(
        self, world: World, calling: Calling, admin: Caller, lena: Account, made: MadeApp
    ):
        world.list_app(made)
        asked = request(world, made, lena).request
        path = f"/authorizationRequests/{asked.id}"

        admin.delete(path, 404)
        calling(world.token(made.developer)).delete(path, 404)
        calling(world.token(lena)).delete(path)

        assert admin.get(HERE)["items"] == []
        [withdrawn] = calling(world.token(lena)).get(f"{MINE}&state=withdrawn")["items"]
        assert withdrawn["id"] == world.public_id(Kind.AUTHORIZATION_REQUEST, asked.id)


class TestDeciding:
    def test_a_second_administrator_may_be_needed(
        self, world: World, admin: Caller, priya: Account, made: MadeApp, organization: Organization
    ):
        """CONS-07."""
        set_app_policy(world, priya, second_administrator=SecondAdministrator.ALWAYS)
        share(world, made, organization)
        [seen] = admin.get(HERE)["items"]

        proposed = decide(admin, seen, 202, decision="authorize")

        assert proposed["state"] == "waiting"
        assert proposed["proposalId"]
        assert "second administrator" in decide(admin, seen, 409, decision="decline", reason="No.")["message"]

    def test_a_request_that_is_over_authorizes_nothing(
        self,
        world: World,
        calling: Calling,
        admin: Caller,
        priya: Account,
        lena: Account,
        dana: Account,
    ):
        """CONS-09: declined, withdrawn, or its authorization has ended since; a repeat in between is a repeat."""
        declined, withdrawn, done = (world.service_app(dana, requested=False) for _ in range(3))
        for one in (declined, withdrawn, done):
            world.list_app(one)
        of_declined, of_withdrawn, of_done = (
            {"id": str(request(world, one, lena).request.id)} for one in (declined, withdrawn, done)
        )
        request(world, withdrawn, priya)
        decide(admin, of_declined, decision="decline", reason="No.")
        calling(world.token(lena)).delete(f"/authorizationRequests/{of_withdrawn['id']}")
        first = decide(admin, of_done, decision="authorize")
        assert decide(admin, of_done, decision="authorize")["authorizationId"] == first["authorizationId"]
        world.deauthorize(done, priya)

        for over in (of_declined, of_withdrawn, of_done):
            assert "Nothing was changed" in decide(admin, over, 409, decision="authorize")["message"]

        for one in (declined, withdrawn, done):
            assert [each for each in authorizations_of(world, one) if each.is_active] == []

    def test_who_may_not_decide_is_refused_and_that_is_kept(
        self, world: World, calling: Calling, made: MadeApp, organization: Organization
    ):
        """CONS-06, CONS-03: the role is missing, or the app has changed since it was looked at."""
        share(world, made, organization)
        reader = calling(world.token(world.person(organization, Role.READONLY_ADMIN)))
        admin = calling(world.token(world.full_admin(organization)))
        [seen] = reader.get(HERE)["items"]

        for decision in ({"decision": "authorize"}, {"decision": "decline", "reason": "No."}):
            assert "Full Administrator" in decide(reader, seen, 403, **decision)["message"]

        assert len(world.events(organization, "authorization.refused")) == 2
        with world.deployment.transaction(world.origin) as tx:
            get_app(tx, made.id).version += 1
        decide(admin, seen, 409, decision="authorize", version=made.app.version)
        with world.deployment.transaction(world.origin) as tx:
            apps.mark_deleted(tx, get_app(tx, made.id), by=made.developer)
        decide(admin, seen, 404, decision="authorize")
        assert admin.get(HERE)["items"] == []

    def test_lists_are_paged_and_cost_the_same_however_long_they_are(
        self, world: World, admin: Caller, dana: Account, organization: Organization, maker: Caller
    ):
        def grow(number: int) -> None:
            for _ in range(number):
                share(world, world.service_app(dana, requested=False), organization)

        def counts(items: int) -> list[int]:
            return [
                len(statements_of(world, admin, HERE, items)),
                len(statements_of(world, maker, MINE, items)),
            ]

        grow(2)
        few = counts(2)
        grow(4)

        assert counts(6) == few
        assert len(admin.pages(f"{HERE}?max=4")) == 6
        assert len(maker.pages(f"{MINE}&max=5")) == 6
