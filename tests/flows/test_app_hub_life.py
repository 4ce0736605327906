"""The life of an app in the App Hub, over the API: reviewed, authorized elsewhere, changed, reviewed again."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from appanage.directory.model import Account, Organization
from appanage.profiles import ProfileName
from support import listing
from support.world import MadeApp, World

READ, WRITE, ROLES = "spark-admin:people_read", "spark-admin:people_write", "spark-admin:roles_read"


@pytest.fixture
def profile() -> ProfileName:
    """The one that has an App Hub."""
    return ProfileName.COMMERCIAL


class Person:
    """Somebody who calls the API with a token of their own."""

    def __init__(self, client: TestClient, world: World, account: Account) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {world.token(account)}"}

    def __call__(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        options: dict[str, Any] = {"json": body} if method != "GET" else {}
        answer = self._client.request(method, f"/v1{path}", headers=self._headers, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


class Customer:
    """An organization, its administrator, and what an app's tokens for it are worth."""

    def __init__(self, client: TestClient, world: World, name: str) -> None:
        self.client, self.world = client, world
        self.organization: Organization = world.organization(name)
        self.admin = Person(client, world, world.full_admin(self.organization))

    def fresh_scopes(self, made: MadeApp) -> set[str]:
        """Of a pair that the developer fetches now."""
        return set(self.world.retrieve(made, self.organization).scopes)

    def scopes_of(self, made: MadeApp, token: str) -> set[str]:
        """Of an access token, as a resource server is told."""
        pair = (made.client_id, made.secret)
        told = self.client.post("/v1/introspect", data={"token": token}, auth=pair).json()
        return set(told["scope"].split()) if told["active"] else set()


def test_an_app_is_reviewed_authorized_changed_and_reviewed_again(client: TestClient, world: World):
    """REG-13, CONS-03, CONS-04: one organization approves the change, another declines it; their tokens differ."""
    developer_account = world.developer(world.organization("Fabrikam"))
    made = listing.ready_app(world, developer_account)
    developer = Person(client, world, developer_account)
    reviewer = Person(client, world, listing.reviewer(world))
    path = f"/applications/{world.app_id(made)}"
    northwind, contoso = (Customer(client, world, name) for name in ("Northwind Traders", "Contoso"))
    northwind.admin("POST", f"{path}/authorize", 404)

    # Handed in, asked about, answered, approved.
    first = developer("POST", f"{path}/submissions")
    reviewer("PUT", f"/submissions/{first['id']}/reviewer")
    reviewer("POST", f"/submissions/{first['id']}/messages", text="Why does it write people?")
    developer("POST", f"{path}/submissions/{first['id']}/messages", text="To create them on their first day.")
    reviewer("POST", f"/submissions/{first['id']}/decision", decision="approve")
    assert developer("GET", path)["submissionStatus"] == "approved"

    # Found by everybody, authorized by two organizations.
    found = client.get("/v1/appHub/listings", params={"search": made.app.name}).json()["items"]
    assert [one["name"] for one in found] == [made.app.name]
    for customer in (northwind, contoso):
        customer.admin("POST", f"{path}/authorize")
        assert customer.fresh_scopes(made) == {READ, WRITE}
    old = world.retrieve(made, contoso.organization).access_token.reveal()

    # One scope goes at once, another one waits for the review; nobody has more than before.
    reasons = listing.REASONS | {ROLES: "To leave administrators alone."}
    changed = developer("PATCH", path, scopes=[READ, ROLES], reasons=reasons)
    assert (changed["scopes"], changed["proposed"]["scopes"]) == ([READ], sorted([READ, ROLES]))
    assert contoso.scopes_of(made, old) == {READ}
    assert northwind.fresh_scopes(made) == contoso.fresh_scopes(made) == {READ}

    second = developer("POST", f"{path}/submissions")
    reviewer("POST", f"/submissions/{second['id']}/decision", decision="approve")
    assert northwind.fresh_scopes(made) == contoso.fresh_scopes(made) == {READ}

    # Each organization decides for itself.
    waits = northwind.admin("GET", f"/serviceApps/{world.app_id(made)}")
    assert (waits["needsDecision"], waits["authorization"]["addedScopes"]) == (True, [ROLES])
    northwind.admin("POST", f"{path}/authorize", version=waits["version"])
    contoso.admin("POST", f"{path}/declineChanges", reason="Not needed here.")

    assert northwind.fresh_scopes(made) == {READ, ROLES}
    assert contoso.fresh_scopes(made) == {READ}
    assert contoso.scopes_of(made, old) == {READ}
    assert not contoso.admin("GET", f"/serviceApps/{world.app_id(made)}")["needsDecision"]
