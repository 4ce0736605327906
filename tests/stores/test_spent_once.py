"""What works once works once, however many ask at the same moment; and rotation and revocation never interleave."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, text

from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.authorizations import (
    clients,
    codes,
    consents,
    device_codes,
    proofs,
    pushed_requests,
    refresh_tokens,
)
from appanage.authorizations.model import Authorization, RefreshToken
from appanage.authorizations.tokens import TokenGrant, TokenPair
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.kit.errors import Conflict
from appanage.kit.errors import Refused as RefusedDecision
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.clients import ClientAuthentication, ClientCredentials
from appanage.oauth.codes import CodeRedemption
from appanage.oauth.errors import InvalidDpopProof, InvalidGrant, InvalidToken, Refused, ReusedToken
from appanage.oauth.refreshing import RefreshRequest
from appanage.oauth.responses import ResponseMode
from appanage.signin import service as signin
from appanage.storage import Transaction
from support.at_once import MANY, at_once
from support.clock import MovableClock
from support.consenting import CHALLENGE, allow
from support.integration import VERIFIER, OAuthClient
from support.keys import KEYS
from support.live import settings_for
from support.world import CALLBACK, DESK_SCOPES, MadeApp, World

SCOPES = frozenset(DESK_SCOPES)
MINUTE = timedelta(minutes=1)
PRESENTED = CodeRedemption(CALLBACK, VERIFIER, resource=None, key_thumbprint=None)


@pytest.fixture
def deployment(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(database_pool=MANY // 2), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def other_node(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """A second process of the same platform, with a pool and memory of its own."""
    made = assemble(settings_for(database_pool=MANY // 2), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


@pytest.fixture
def made(world: World) -> MadeApp:
    """A public client."""
    return world.integration(client_proof=ClientProof.NONE)


@pytest.fixture
def lena(world: World) -> Account:
    return world.person(world.organization("Northwind Traders"), name="Lena Vogt")


@pytest.fixture
def allowed(world: World, made: MadeApp, lena: Account) -> Authorization:
    return allow(world, made.app, lena)


def within(world: World, act: Callable[[Transaction], Any]) -> Callable[[], Any]:
    """The act in a transaction of its own, which is kept whatever it returns, and undone when it raises."""

    def run() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            return act(tx)

    return run


def issue_code(world: World, made: MadeApp, lena: Account) -> str:
    with world.deployment.transaction(world.origin) as tx:
        session = signin._start_session(tx, directory.get_account(tx, lena.organization_id, lena.id)).session
        authorization = consents.find(tx, apps.get_app(tx, made.id), session.account)
        assert authorization is not None
        request = AuthorizationRequest(
            made.client_id,
            CALLBACK,
            True,
            ResponseMode.QUERY,
            SCOPES,
            code_challenge=CHALLENGE,
            code_challenge_method="S256",
        )
        return codes.issue(tx, authorization, request, session=session, lifetime=MINUTE).reveal()


def redeeming(world: World, made: MadeApp, code: str) -> Callable[[], Any]:
    def redeem(tx: Transaction) -> Any:
        app = apps.get_app(tx, made.id)
        return codes.redeem(tx, world.deployment.issuer, app, code=code, presented=PRESENTED)

    return within(world, redeem)


def refreshing(world: World, made: MadeApp, value: str) -> Callable[[], Any]:
    def refresh(tx: Transaction) -> Any:
        app = apps.get_app(tx, made.id)
        issuer = world.deployment.issuer
        return refresh_tokens.refresh(tx, issuer, app, refresh_token=value, request=RefreshRequest())

    return within(world, refresh)


def issue_pair(world: World, allowed: Authorization) -> TokenPair:
    def issue(tx: Transaction) -> TokenPair:
        authorization = tx.get_one(Authorization, allowed.id)
        return world.deployment.issuer.issue(tx, TokenGrant(authorization.standing, SCOPES))[0]

    pair: TokenPair = within(world, issue)()
    return pair


def is_alive(world: World, pair: TokenPair) -> bool:
    with world.deployment.transaction(world.origin) as tx:
        try:
            world.deployment.verifier.caller_of(tx, pair.access_token.reveal())
        except InvalidToken:
            return False
        return True


def waits_for_a_lock(deployment: Deployment) -> bool:
    """Looks until somebody in this database waits for a lock; false when nobody does."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    pause = Event()
    with deployment.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(300):
            if connection.execute(text(query)).scalar_one():
                return True
            pause.wait(0.01)
    return False


@pytest.mark.usefixtures("allowed")
class TestCodes:
    def test_of_fifty_redemptions_one_succeeds_and_even_its_tokens_are_dead(
        self, world: World, made: MadeApp, lena: Account
    ):
        """AUTHZ-04."""
        code = issue_code(world, made, lena)
        results = at_once([redeeming(world, made, code)] * MANY)

        issued = [one for one in results if isinstance(one, TokenPair)]
        refused = [one for one in results if isinstance(one, Refused) and isinstance(one.error, ReusedToken)]
        assert (len(issued), len(refused)) == (1, MANY - 1), results
        assert not is_alive(world, issued[0])
        with pytest.raises(InvalidGrant):
            refreshing(world, made, issued[0].refresh_token.reveal())()
        assert len(world.events(lena.organization, "token.reused")) == 1

    def test_a_replay_that_meets_the_redemption_waits_for_it_and_ends_it(
        self, world: World, made: MadeApp, lena: Account, beside: Any
    ):
        """AUTHZ-04, REV-05: there is no moment at which the tokens exist and the replay does not find them."""
        code = issue_code(world, made, lena)
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.id)
            pair = codes.redeem(tx, world.deployment.issuer, app, code=code, presented=PRESENTED)
            replay = beside(redeeming(world, made, code))
            assert waits_for_a_lock(world.deployment)

        assert isinstance(replay.result(timeout=10).error, ReusedToken)
        assert isinstance(pair, TokenPair)
        assert not is_alive(world, pair)

    def test_a_replay_that_began_in_an_earlier_second_ends_it_too(
        self, world: World, made: MadeApp, lena: Account, clock: MovableClock
    ):
        """AUTHZ-04, TEN-06: which of two requests is the later one is not told by their clocks."""
        code = issue_code(world, made, lena)
        with world.deployment.transaction(world.origin) as early:
            clock.advance(seconds=2)
            pair = redeeming(world, made, code)()
            app = apps.get_app(early, made.id)
            codes.redeem(early, world.deployment.issuer, app, code=code, presented=PRESENTED)

        assert not is_alive(world, pair)

    def test_who_disconnects_while_a_code_is_redeemed_leaves_nothing_alive(
        self, world: World, made: MadeApp, lena: Account, beside: Any
    ):
        """MACH-04, REV-05."""
        code = issue_code(world, made, lena)

        def disconnect(tx: Transaction) -> None:
            person = directory.get_account(tx, lena.organization_id, lena.id)
            current = consents.find(tx, apps.get_app(tx, made.id), person)
            assert current is not None
            consents.withdraw(tx, current, by=person, longest_token=timedelta(days=14))

        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.id)
            pair = codes.redeem(tx, world.deployment.issuer, app, code=code, presented=PRESENTED)
            end = beside(within(world, disconnect))
            assert waits_for_a_lock(world.deployment)
        end.result(timeout=10)

        assert isinstance(pair, TokenPair)
        assert not is_alive(world, pair)
        with world.deployment.transaction(world.origin) as tx:
            rows = select(RefreshToken).where(RefreshToken.authorization_id == _authorization_of(pair))
            assert all(row.revoked_at is not None for row in tx.scalars(rows))


def _authorization_of(pair: TokenPair) -> Any:
    return pair.access.claims.authorization


class TestRefreshTokens:
    def test_fifty_refreshes_of_a_public_client_have_one_successor(
        self, world: World, made: MadeApp, allowed: Authorization
    ):
        """REV-03: all callers get it, and there is never an extra live token."""
        pair = issue_pair(world, allowed)
        results = at_once([refreshing(world, made, pair.refresh_token.reveal())] * MANY)

        assert all(isinstance(one, TokenPair) for one in results), results
        successors = {one.refresh_token for one in results}
        assert len(successors) == 1
        assert pair.refresh_token not in successors
        assert len({one.access_token for one in results}) == MANY
        with world.deployment.transaction(world.origin) as tx:
            rows = list(tx.scalars(select(RefreshToken).where(RefreshToken.authorization_id == allowed.id)))
        assert len(rows) == 1
        assert isinstance(refreshing(world, made, successors.pop().reveal())(), TokenPair)

    def test_a_revocation_that_meets_a_rotation_ends_the_successor(
        self, world: World, made: MadeApp, allowed: Authorization, beside: Any
    ):
        """REV-05: paused between mark and commit; the revocation waits and finds what was made."""
        pair = issue_pair(world, allowed)
        value = pair.refresh_token.reveal()

        def revoke(tx: Transaction) -> None:
            app = apps.get_app(tx, made.id)
            row = refresh_tokens.find(tx, value)
            if row is not None:
                refresh_tokens.revoke_refresh(tx, row, app, longest_life=timedelta(days=14))
            refresh_tokens.revoke_superseded(tx, value, app, longest_life=timedelta(days=14))

        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.id)
            renewed = refresh_tokens.refresh(
                tx, world.deployment.issuer, app, refresh_token=value, request=RefreshRequest()
            )
            tx.flush()
            end = beside(within(world, revoke))
            assert waits_for_a_lock(world.deployment)
        end.result(timeout=10)

        assert isinstance(renewed, TokenPair)
        assert not is_alive(world, renewed)
        with pytest.raises(InvalidGrant):
            refreshing(world, made, renewed.refresh_token.reveal())()

    def test_a_replay_that_meets_a_rotation_ends_the_successor(
        self, world: World, made: MadeApp, allowed: Authorization, beside: Any, clock: MovableClock
    ):
        """REV-05: the stale token of long ago, presented while its successor is being rotated."""
        stale = issue_pair(world, allowed).refresh_token.reveal()
        current = refreshing(world, made, stale)().refresh_token.reveal()
        clock.advance(minutes=1)
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.id)
            renewed = refresh_tokens.refresh(
                tx, world.deployment.issuer, app, refresh_token=current, request=RefreshRequest()
            )
            tx.flush()
            replay = beside(refreshing(world, made, stale))
            assert waits_for_a_lock(world.deployment)

        assert isinstance(replay.result(timeout=10).error, ReusedToken)
        assert isinstance(renewed, TokenPair)
        assert not is_alive(world, renewed)
        for value in (current, renewed.refresh_token.reveal()):
            with pytest.raises(InvalidGrant):
                refreshing(world, made, value)()

    def test_a_rotation_that_meets_a_replay_is_refused(
        self, world: World, made: MadeApp, allowed: Authorization, beside: Any, clock: MovableClock
    ):
        """REV-05: the other order."""
        stale = issue_pair(world, allowed).refresh_token.reveal()
        current = refreshing(world, made, stale)().refresh_token.reveal()
        clock.advance(minutes=1)
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.id)
            refresh_tokens.refresh(
                tx, world.deployment.issuer, app, refresh_token=stale, request=RefreshRequest()
            )
            rotation = beside(refreshing(world, made, current))
            assert waits_for_a_lock(world.deployment)

        with pytest.raises(InvalidGrant):
            rotation.result(timeout=10)


def test_a_pushed_request_is_taken_by_one_of_fifty(world: World, made: MadeApp):
    """AUTHZ-07."""

    def push(tx: Transaction) -> str:
        app = apps.get_app(tx, made.id)
        return pushed_requests.push(tx, app, {"scope": "a"}, lifetime=MINUTE, by_client=True)

    request_uri = within(world, push)()
    take = within(world, lambda tx: pushed_requests.take(tx, apps.get_app(tx, made.id), request_uri))
    results = at_once([take] * MANY)

    assert sum(one is not None for one in results) == 1, results


class TestDeviceCodes:
    def begin(self, world: World, made: MadeApp) -> device_codes.NewDeviceCode:
        def begin(tx: Transaction) -> device_codes.NewDeviceCode:
            app = apps.get_app(tx, made.id)
            return device_codes.begin(tx, app, scopes=SCOPES, resource=None, lifetime=5 * MINUTE)

        begun: device_codes.NewDeviceCode = within(world, begin)()
        return begun

    def approving(self, world: World, begun: device_codes.NewDeviceCode, lena: Account) -> Callable[[], Any]:
        def approve(tx: Transaction) -> Any:
            person = directory.get_account(tx, lena.organization_id, lena.id)
            row = device_codes.find_for_entry(tx, begun.user_code)
            if row is None or not device_codes.claim(tx, row, person):
                raise Conflict("somebody was quicker")
            return device_codes.approve(tx, row, person, signin._start_session(tx, person).session)

        return within(world, approve)

    def test_fifty_polls_of_an_approved_code_bring_one_pair(self, world: World, made: MadeApp, lena: Account):
        begun = self.begin(world, made)
        self.approving(world, begun, lena)()
        issuer, value = world.deployment.issuer, begun.device_code.reveal()

        def poll(tx: Transaction) -> Any:
            app = apps.get_app(tx, made.id)
            return device_codes.redeem(tx, issuer, app, device_code=value, key_thumbprint=None)

        results = at_once([within(world, poll)] * MANY)

        issued = [one for one in results if isinstance(one, TokenPair)]
        assert len(issued) == 1, results
        assert sum(isinstance(one, InvalidGrant) for one in results) == MANY - 1
        assert is_alive(world, issued[0])

    def test_of_many_people_who_enter_the_same_code_one_decides(self, world: World, made: MadeApp):
        """AUTHZ-13."""
        begun, organization = self.begin(world, made), world.organization()
        people = [world.person(organization) for _ in range(10)]
        results = at_once([self.approving(world, begun, one) for one in people])

        assert sum(isinstance(one, Authorization) for one in results) == 1, results
        assert len(world.events(organization, "consent.given")) == 1

    def test_yes_and_no_at_the_same_moment_are_one_of_them(self, world: World, made: MadeApp, lena: Account):
        """CONS-09."""
        begun = self.begin(world, made)

        def row_and_person(tx: Transaction) -> Any:
            person = directory.get_account(tx, lena.organization_id, lena.id)
            row = device_codes.find_for_entry(tx, begun.user_code)
            if row is None:
                raise Conflict("decided already")
            return row, person

        def deny(tx: Transaction) -> str:
            device_codes.deny(tx, *row_and_person(tx))
            return "denied"

        acts = [self.approving(world, begun, lena), within(world, deny)] * 10
        results = at_once(acts)

        won = [one for one in results if isinstance(one, Authorization | RefusedDecision) or one == "denied"]
        assert len(won) == 1, results
        given = world.events(lena.organization, "consent.given")
        declined = world.events(lena.organization, "consent.declined")
        assert len(given) + len(declined) == 1


class TestProofs:
    def test_an_assertion_counts_once_on_all_nodes(self, world: World, other_node: Deployment):
        """CRED-06: the same jti fifty times, at two nodes."""
        made = world.integration(key=KEYS["ES256"])
        assertion = OAuthClient(world, None, made).assertion()  # type: ignore[arg-type]
        credentials = ClientCredentials(made.client_id, ClientAuthentication.PRIVATE_KEY_JWT, assertion)

        def authenticate(tx: Transaction) -> Any:
            return clients.authenticate(
                tx, credentials, audiences={world.deployment.settings.issuer}, algorithms=["ES256"]
            )

        nodes = [world, World(other_node)]
        results = at_once([within(nodes[number % 2], authenticate) for number in range(MANY)])

        assert sum(one is not None for one in results) == 1, results
        assert len(world.events(made.app.organization, "client.refused")) == MANY - 1

    def test_a_dpop_proof_counts_once_on_all_nodes(self, world: World, made: MadeApp, other_node: Deployment):
        """TOK-10, RFC 9449 §11.1."""
        client = OAuthClient(world, None, made, dpop=KEYS["ES256"])  # type: ignore[arg-type]
        headers = [client.proof("POST", "/v1/access_token").encode()]
        url = world.deployment.settings.base_url + "/v1/access_token"

        def accept(tx: Transaction) -> Any:
            return proofs.accept(
                tx, world.deployment.nonces, headers, method="POST", url=url, algorithms=["ES256"]
            )

        nodes = [world, World(other_node)]
        results = at_once([within(nodes[number % 2], accept) for number in range(MANY)])

        assert sum(isinstance(one, InvalidDpopProof) for one in results) == MANY - 1, results

    def test_the_same_jti_of_another_key_is_another_proof(self, world: World):
        later = world.deployment.database.clock() + MINUTE

        def spend(key: str) -> Any:
            return within(
                world, lambda tx: proofs.spend(tx, key_thumbprint=key, token_id="jti-1", forget_at=later)
            )()

        thumbprints = [f"{world.deployment.database.clock()}-{number}" for number in range(2)]

        assert [spend(one) for one in (*thumbprints, *thumbprints)] == [True, True, False, False]
