"""What has expired is deleted page by page, and no table is forgotten (checklist TEN-04)."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text

from appanage import app  # noqa: F401 – importing everything makes every model known
from appanage.apps import credentials, queries
from appanage.apps.model import ClientKey
from appanage.authorizations import bots, personal_tokens, proofs
from appanage.authorizations.model import BotToken, PersonalToken, SpentProof
from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.jobs.housekeeping import backlog, lasting, passing
from appanage.storage import Record
from appanage.storage.expiry import SAMPLED, Expiry, Pages, delete_expired, sample_backlog
from support.clock import MovableClock
from support.refusals import counted_statements
from support.world import World

ENDS = {"expires_at", "forget_at"}
HISTORY = {"authorization_proposals", "sandboxes"}
"""Tables of what ends by an act, which stays on record."""


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: pruning in the far future would reach into other tests' stories."""
    return new_prepared_database()


@pytest.fixture
def person(world: World) -> Account:
    return world.person(world.organization())


def mark(world: World, *, at: timedelta, count: int) -> datetime:
    """As many marks of proofs, forgotten so long from now; everything else in the table goes."""
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(text("TRUNCATE spent_proofs"))
        rows = [{"digest": uuid.uuid4().bytes * 2, "forget_at": tx.now + at} for _ in range(count)]
        tx.execute(insert(SpentProof), rows)
        return tx.now + at


def pages_of(world: World, record: type[Record]) -> int:
    size = text("SELECT pg_relation_size(cast(:table AS regclass)) / current_setting('block_size')::int")
    with world.deployment.transaction(world.origin) as tx:
        return int(tx.scalar(size, {"table": record.__tablename__}) or 0)


def test_every_table_whose_rows_end_is_pruned(deployment: Deployment):
    """Whoever adds such a table tells when its rows go: see `appanage.jobs.housekeeping`."""
    lifetimes = deployment.settings.lifetimes
    pruned = {one.table for one in (*passing(lifetimes), *lasting(lifetimes))}
    ending = {name for name, table in Record.metadata.tables.items() if ENDS & set(table.columns.keys())}

    assert len(ending) >= 9
    assert ending - HISTORY <= pruned


def test_only_the_pages_that_are_named_are_swept(deployment: Deployment, world: World):
    mark(world, at=timedelta(hours=-1), count=1000)
    pages = pages_of(world, SpentProof)
    with deployment.transaction(world.origin) as tx:
        first = delete_expired(tx, proofs.EXPIRY, Pages(0, 2))
        again = delete_expired(tx, proofs.EXPIRY, Pages(0, 2))
        rest = delete_expired(tx, proofs.EXPIRY, Pages(2, pages - 2))
        beyond = delete_expired(tx, proofs.EXPIRY, Pages(pages, 100))

    assert 0 < first.removed < 1000
    assert first.pages == pages
    assert (again.removed, first.removed + rest.removed, beyond.removed) == (0, 1000, 0)


def test_a_batch_reads_nothing_but_its_pages_whatever_the_planner_believes(
    deployment: Deployment, world: World
):
    """By place: an index on the time would have to be read past all that is gone and not cleared away yet."""
    mark(world, at=timedelta(hours=-1), count=5000)
    with deployment.transaction(world.origin) as tx, counted_statements(world) as statements:
        delete_expired(tx, proofs.EXPIRY, Pages(0, 2))
    with deployment.transaction(world.origin) as tx:
        tx.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        tx.execute(
            text("PREPARE sweep(text, text, timestamptz, int, text, text) AS " + _numbered(statements[0]))
        )
        explained = text("EXPLAIN EXECUTE sweep('(0,0)', '(2,0)', now(), 1, 'spent_proofs', 'block_size')")
        plan = "\n".join(tx.scalars(explained))

    assert len(statements) == 1
    assert "Tid Range Scan on spent_proofs" in plan
    assert "Tid Scan on spent_proofs" in plan
    assert "Seq Scan" not in plan
    assert "Index" not in plan


def _numbered(statement: str) -> str:
    """With parameters as the server knows them."""
    for number, name in enumerate(_names(statement), 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    return statement


def _names(statement: str) -> list[str]:
    return [part.partition(")s")[0] for part in statement.split("%(")[1:]]


def test_a_row_that_somebody_holds_is_left_for_the_next_time(
    deployment: Deployment, world: World, clock: MovableClock, person: Account
):
    """Pruning waits for nobody and makes nobody wait."""
    world.token(person, hours=1)
    world.token(person, hours=1)
    clock.advance(hours=2)
    own = PersonalToken.account_id == person.id
    with deployment.transaction(world.origin) as holder:
        held = holder.scalars(select(PersonalToken).where(own).limit(1).with_for_update()).one()
        with deployment.transaction(world.origin) as tx:
            delete_expired(tx, personal_tokens.EXPIRY)

        left = list(holder.scalars(select(PersonalToken.id).where(own)))
    with deployment.transaction(world.origin) as tx:
        later = delete_expired(tx, personal_tokens.EXPIRY)

    assert left == [held.id]
    assert later.removed == 1


def test_a_row_that_is_renewed_at_this_moment_stays(
    deployment: Deployment, world: World, person: Account, clock: MovableClock
):
    world.token(person, hours=1)
    clock.advance(hours=2)
    own = PersonalToken.account_id == person.id
    with deployment.transaction(world.origin) as renewing:
        row = renewing.scalars(select(PersonalToken).where(own).with_for_update()).one()
        row.expires_at = renewing.now + timedelta(hours=1)
        renewing.flush()
        with deployment.transaction(world.origin) as tx:
            meanwhile = delete_expired(tx, personal_tokens.EXPIRY)
    with deployment.transaction(world.origin) as tx:
        afterwards = delete_expired(tx, personal_tokens.EXPIRY)

        assert (meanwhile.removed, afterwards.removed) == (0, 0)
        assert tx.scalar(select(func.count()).select_from(PersonalToken).where(own)) == 1


def test_the_newest_secrets_of_an_app_are_remembered_and_the_live_ones_stay(
    deployment: Deployment, world: World
):
    """The credentials page shows the last ten that ended."""
    made = world.service_app(world.developer(world.organization()))
    rules = deployment.app_rules
    for _ in range(credentials.REMEMBERED + 2):
        with deployment.transaction(world.origin) as tx:
            credentials.add_secret(tx, tx.merge(made.app), by=made.developer, rules=rules)
    with deployment.transaction(world.origin) as tx:
        before = [one.id for one in queries.list_secrets(tx, made.app)]
    with deployment.transaction(world.origin) as tx:
        for one in credentials.expiries():
            delete_expired(tx, one)
        rows = queries.list_secrets(tx, made.app)
        after = [one.id for one in rows]

        assert len(before) == credentials.REMEMBERED + 3
        assert after == before[: credentials.REMEMBERED]
        assert sum(one.is_live(tx.now) for one in rows) == 1


def test_ended_keys_are_remembered_likewise(deployment: Deployment, world: World, clock: MovableClock):
    made = world.service_app(world.developer(world.organization()))
    with deployment.transaction(world.origin) as tx:
        for number in range(credentials.REMEMBERED + 3):
            tx.add(_key(made.app.id, made.developer, tx.now + timedelta(seconds=number), ended=number != 0))
    clock.advance(hours=1)
    with deployment.transaction(world.origin) as tx:
        for one in credentials.expiries():
            delete_expired(tx, one)
        left = queries.list_keys(tx, made.app)

        assert len(left) == credentials.REMEMBERED + 1
        assert sum(one.is_live for one in left) == 1


def _key(app_id: uuid.UUID, developer: Account, at: datetime, *, ended: bool) -> ClientKey:
    return ClientKey(
        app_id=app_id,
        thumbprint=uuid.uuid4().hex,
        jwk={},
        algorithm="ES256",
        label="",
        created_by=developer.id,
        created_by_name=developer.display_name,
        created_at=at,
        revoked_at=at if ended else None,
    )


def test_of_a_bots_tokens_those_that_ended_go(deployment: Deployment, world: World, clock: MovableClock):
    made = world.bot()
    with deployment.transaction(world.origin) as tx:
        bots.regenerate_token(tx, tx.merge(made.app), by=made.developer, rules=deployment.app_rules)
    clock.advance(minutes=1)
    with deployment.transaction(world.origin) as tx:
        own = select(func.count()).select_from(BotToken).where(BotToken.app_id == made.app.id)
        before = tx.scalar(own)
        delete_expired(tx, bots.EXPIRY)

        assert (before, tx.scalar(own)) == (2, 1)
        assert bots.find_live_token(tx, made.app) is not None


def test_the_backlog_tells_how_much_has_expired_and_how_late_it_is(
    deployment: Deployment, world: World, clock: MovableClock
):
    mark(world, at=timedelta(minutes=10), count=50)
    clock.advance(hours=1)
    with deployment.transaction(world.origin) as tx:
        found = backlog(tx, deployment.settings.lifetimes)["spent_proofs"]

    assert found.rows == 50
    assert timedelta(minutes=48) < found.age < timedelta(minutes=50)


def test_nothing_is_late_while_everything_lives(deployment: Deployment, world: World):
    mark(world, at=timedelta(hours=1), count=50)
    with deployment.transaction(world.origin) as tx:
        found = backlog(tx, deployment.settings.lifetimes)["spent_proofs"]

    assert (found.rows, found.age) == (0, timedelta(0))


def test_of_a_large_table_the_backlog_is_told_from_a_sample(deployment: Deployment, world: World):
    """Two statements, whatever there is."""
    mark(world, at=timedelta(hours=-1), count=30_000)
    pages = pages_of(world, SpentProof)
    with deployment.transaction(world.origin) as tx, counted_statements(world) as statements:
        found = sample_backlog(tx, [proofs.EXPIRY])["spent_proofs"]

    assert pages > 2 * SAMPLED
    assert 10_000 < found.rows < 60_000
    assert len(statements) == 2


def test_the_backlog_of_all_tables_takes_two_statements(deployment: Deployment, world: World):
    with deployment.transaction(world.origin) as tx, counted_statements(world) as statements:
        found = backlog(tx, deployment.settings.lifetimes)

    assert len(statements) == 2
    assert {"refresh_tokens", "client_secrets", "browser_sessions", "changes"} <= set(found)


def test_what_is_kept_for_a_while_is_not_late_before(deployment: Deployment, world: World):
    mark(world, at=timedelta(minutes=-30), count=5)
    patient = Expiry(SpentProof, SpentProof.forget_at, kept=timedelta(hours=1))
    with deployment.transaction(world.origin) as tx:
        late = sample_backlog(tx, [patient])["spent_proofs"]
        gone = delete_expired(tx, patient)

    assert (late.rows, gone.removed) == (0, 0)
