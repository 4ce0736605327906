"""Every operation of the API that changes something, told as lives of things: each leaves an event (checklist AUD-02)."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.test_every_route import APP_POLICY, FORMS, KEY, MUTATING, TABLES, filled, personal_token_of
from appanage.apphub import drafts
from appanage.apps.model import App
from appanage.directory.model import Account, Organization, Sandbox
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support import connecting, consenting, deciding, listing
from support.shelf import put_up
from support.uploads import picture
from support.world import World

APP = "/applications/{application_id}"
Ids = Mapping[str, Any]


@dataclass
class Watch:
    """Calls in an administrator's name, or in another one's, and notes which events an operation recorded."""

    world: World
    organization: Organization
    admin: Account
    calling: Calling
    recorded: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def __call__(
        self,
        method: str,
        template: str,
        body: Any = None,
        status: int = 200,
        query: str = "",
        by: Caller | None = None,
        log: Organization | None = None,
        **ids: str,
    ) -> Any:
        log = log or self.organization
        before = len(self.world.events(log))
        path, options = filled(template, **ids) + query, {} if body is None else {"json": body}
        if template.endswith("/logo") and method == "PUT":
            options = {"content": picture(), "headers": {"Content-Type": "image/png"}}
        answer = (by or self.administrator).send(method, path, status, **options)
        new = self.world.events(log)[before:]
        self.recorded[method, template] = {event.type for event in new}
        return answer

    @cached_property
    def administrator(self) -> Caller:
        return self.calling(self.world.token(self.admin))

    def somebody(self, account: Account) -> Caller:
        return self.calling(self.world.token(account))


@pytest.fixture
def watch(world: World, calling: Calling) -> Watch:
    organization = world.organization()
    return Watch(world, organization, world.full_admin(organization), calling)


def test_every_change_records_an_event(watch: Watch):
    """AUD-02: over the API's own table, so that none can be forgotten."""
    settings = watch.world.deployment.settings
    _people(watch)
    _service_app(watch)
    _owners(watch)
    _proposals(watch)
    _integration(watch)
    _bots(watch)
    _connections(watch)
    _policies(watch)
    if settings.rules.has_app_hub:
        _review(watch)
        _listed_app(watch)
    if settings.sandboxes:
        _sandbox(watch)

    # Only an app of the App Hub proposes changes.
    there = set(MUTATING) & set(TABLES[settings.profile])
    expected = there if settings.rules.has_app_hub else there - {("DELETE", f"{APP}/proposed")}
    assert set(watch.recorded) == expected
    assert [route for route, types in watch.recorded.items() if not types] == []


def _people(watch: Watch) -> None:
    person = watch("POST", "/people", FORMS["/people"] | {"emails": [f"{uuid.uuid4()}@people.example"]})
    watch("PUT", "/people/{person_id}", {"displayName": "Ada Byron"}, person_id=person["id"])
    watch("DELETE", "/people/{person_id}", status=204, person_id=person["id"])


def _service_app(watch: Watch) -> None:
    operator = watch.somebody(watch.world.operators(Role.OPERATOR))
    app = watch("POST", "/applications", _draft(watch))
    ids: Ids = {"application_id": app["id"]}
    watch("PUT", APP, app | {"name": "Sync 2"}, **ids)
    watch("PATCH", APP, {"name": "Sync 3"}, **ids)
    watch("PUT", f"{APP}/logo", **ids)
    watch("DELETE", f"{APP}/logo", status=204, **ids)
    secret = watch("DELETE", f"{APP}/clientSecret", **ids)["clientSecret"]
    second = watch("POST", f"{APP}/clientSecrets", {}, **ids)
    watch("DELETE", f"{APP}/clientSecrets/{{secret_id}}", status=204, secret_id=second["id"], **ids)
    _requests(watch, ids)
    watch("POST", f"{APP}/authorize", {}, **ids)
    wanted = ["spark-admin:people_read", "spark-admin:licenses_read"]
    watch("PATCH", APP, {"scopes": wanted}, **ids)
    watch("POST", f"{APP}/declineChanges", {"reason": "Not needed."}, **ids)
    target = {"clientSecret": secret, "targetOrgId": str(watch.organization.id)}
    watch("POST", f"{APP}/token", target | {"clientId": app["clientId"]}, **ids)
    watch("POST", f"{APP}/suspension", {"reason": "It does harm."}, by=operator, **ids)
    watch("DELETE", f"{APP}/suspension", status=204, by=operator, **ids)
    watch("POST", f"{APP}/deauthorize", {}, **ids)
    watch("DELETE", APP, status=204, **ids)


def _requests(watch: Watch, ids: Ids) -> None:
    """Asking and deciding; the app is not authorized before and not after."""
    asked = watch("POST", f"{APP}/authorizationRequests", {}, **ids)
    authorize, path = {"decision": "authorize"}, "/authorizationRequests/{request_id}"
    watch("POST", f"{path}/decision", authorize, request_id=asked["id"])
    watch("POST", f"{APP}/deauthorize", {}, **ids)
    asked = watch("POST", f"{APP}/authorizationRequests", {}, **ids)
    watch("DELETE", path, status=204, request_id=asked["id"])
    shared = watch("POST", f"{APP}/shares", {"orgId": str(watch.world.organization().id)}, **ids)
    watch("DELETE", f"{APP}/shares/{{share_id}}", status=204, share_id=shared["id"], **ids)


def _owners(watch: Watch) -> None:
    """A colleague comes and goes, takes over, and leaves the app behind."""
    world = watch.world
    colleague = world.full_admin(watch.organization)
    ids: Ids = {"application_id": world.app_id(world.service_app(watch.admin))}
    person = world.public_id(Kind.PEOPLE, colleague.id)
    watch("POST", f"{APP}/owners", {"personId": person}, **ids)
    watch("DELETE", f"{APP}/owners/{{person_id}}", status=204, person_id=person, **ids)
    watch("POST", f"{APP}/transfer", {"personId": person}, **ids)
    watch("DELETE", "/people/{person_id}", status=204, person_id=person)
    watch("POST", f"{APP}/adoption", {}, **ids)


def _proposals(watch: Watch) -> None:
    world = watch.world
    second = watch.somebody(world.full_admin(watch.organization))
    two = FORMS[APP_POLICY] | {"secondAdministrator": "always", "onlyAllowed": False}
    policy = watch("PUT", APP_POLICY, two, organization_id=str(watch.organization.id))
    proposal = deciding.propose(world, world.service_app(watch.admin), watch.admin)
    path = "/authorizationProposals/{proposal_id}/decision"
    watch("POST", path, {"decision": "confirm"}, by=second, proposal_id=str(proposal.id))
    one = two | {"secondAdministrator": "never", "version": policy["version"]}
    watch("PUT", APP_POLICY, one, organization_id=str(watch.organization.id))


def _integration(watch: Watch) -> None:
    said = {
        "type": "integration",
        "description": "Writes notes.",
        "redirectUrls": ["https://notes.example/callback"],
        "clientProof": "private_key_jwt",
    }
    ids: Ids = {"application_id": watch("POST", "/applications", _draft(watch) | said)["id"]}
    key = watch("POST", f"{APP}/clientKeys", {"key": json.dumps(KEY)}, **ids)
    watch("DELETE", f"{APP}/clientKeys/{{key_id}}", status=204, key_id=key["id"], **ids)


def _bots(watch: Watch) -> None:
    first, second = (watch.world.bot(watch.admin).app.client_id for _ in range(2))
    watch("DELETE", f"{APP}/botToken", application_id=first)
    watch("DELETE", "/bots/{application_id}/token", status=204, application_id=second)


def _connections(watch: Watch) -> None:
    world = watch.world
    desk = consenting.integration(world)
    grant = str(connecting.connect(world, desk, world.person(watch.organization)).access.claims.family)
    watch("DELETE", "/authorizations/{authorization_id}", status=204, authorization_id=grant)
    watch("DELETE", "/authorizations", status=204, query=f"?clientId={desk.client_id}")
    rule = {"type": "custom", "action": "deny", "appId": desk.client_id}
    policy = watch("POST", "/policies", rule)["id"]
    watch("PUT", "/policies/{policy_id}", rule | {"action": "allow"}, policy_id=policy)
    watch("DELETE", "/policies/{policy_id}", status=204, policy_id=policy)


def _policies(watch: Watch) -> None:
    token = str(personal_token_of(watch.world, watch.admin))
    watch("DELETE", "/personalTokens/{token_id}", status=204, token_id=token)


def _review(watch: Watch) -> None:
    """The way of an app into the App Hub; it is recorded in its developers' organization, the checklist in the reviewers'."""
    world, admin, reviewer = watch.world, watch.admin, listing.reviewer(watch.world)
    made, by, log = listing.ready_app(world, admin), watch.somebody(reviewer), reviewer.organization
    ids: Ids = {"application_id": world.app_id(made)}
    watch("PUT", f"{APP}/listing", {"tagline": "Notes"}, **ids)
    with world.deployment.transaction(world.origin) as tx:
        drafts.save(tx, tx.get_one(App, made.id), listing.COMPLETE, by=listing.the(tx, admin))
    content = base64.b64encode(picture()).decode()
    shot = watch("POST", f"{APP}/listing/screenshots", {"content": content, "alternative": "Notes"}, **ids)
    path = f"{APP}/listing/screenshots/{{screenshot_id}}"
    watch("DELETE", path, status=204, screenshot_id=shot["id"], **ids)
    first: Ids = {**ids, "submission_id": watch("POST", f"{APP}/submissions", {}, **ids)["id"]}
    watch("POST", f"{APP}/submissions/{{submission_id}}/messages", {"text": "Hello"}, **first)
    watch("DELETE", f"{APP}/submissions/{{submission_id}}", status=204, **first)
    second: Ids = {"submission_id": watch("POST", f"{APP}/submissions", {}, **ids)["id"]}
    watch("PUT", "/submissions/{submission_id}/reviewer", {}, by=by, **second)
    watch("PUT", "/submissions/{submission_id}/checklist", {"checked": ["tested"]}, by=by, log=log, **second)
    watch("POST", "/submissions/{submission_id}/messages", {"text": "Hello"}, by=by, **second)
    watch("POST", "/submissions/{submission_id}/decision", {"decision": "approve"}, by=by, **second)
    watch("PATCH", APP, {"name": "Another name"}, **ids)
    watch("DELETE", f"{APP}/proposed", status=204, **ids)


def _listed_app(watch: Watch) -> None:
    made = watch.world.service_app(watch.admin)
    by = watch.somebody(watch.world.operators(Role.APP_REVIEWER))
    put_up(watch.world, made)
    path = "/appHub/listings/{listing_id}"
    ids: Ids = {"listing_id": watch.world.app_id(made)}
    watch("PUT", f"{path}/featured", {"featured": True}, by=by, **ids)
    watch("DELETE", path, status=204, query="?reason=Replaced", **ids)


def _sandbox(watch: Watch) -> None:
    """Its life; it is recorded where its developer is at home too."""
    world = watch.world
    ids: Ids = {"sandbox_id": watch("POST", "/sandboxes", {"name": "Playground"})["id"]}
    with world.deployment.transaction(world.origin) as tx:
        organization_id = world.deployment.ids.decode(Kind.ORGANIZATION, ids["sandbox_id"])
        tx.get_one(Sandbox, organization_id).expires_at = tx.now + timedelta(days=1)
    watch("POST", "/sandboxes/{sandbox_id}/extension", **ids)
    watch("DELETE", "/sandboxes/{sandbox_id}", status=204, **ids)


def _draft(watch: Watch) -> dict[str, Any]:
    return {
        "type": "serviceApp",
        "name": "Sync",
        "contactEmail": watch.admin.email,
        "scopes": ["spark-admin:people_read"],
    }
