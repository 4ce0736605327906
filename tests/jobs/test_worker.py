"""The job worker does what the queue holds."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

import pytest
from procrastinate import App
from sqlalchemy import text

from appanage.authorizations.model import PersonalToken
from appanage.deployment import Deployment, assemble
from appanage.jobs import worker
from appanage.jobs.pruning import Pause
from appanage.jobs.worker import CHORES, Chore, job_queue
from support.clock import MovableClock
from support.live import settings_for
from support.world import World


@pytest.fixture
def deployment(new_database: Callable[[], str], clock: MovableClock) -> Iterator[Deployment]:
    made = assemble(settings_for(), new_database(), clock=clock)
    made.prepare()
    yield made
    made.database.dispose()


@pytest.fixture
def queue(deployment: Deployment) -> Iterator[App]:
    with job_queue(deployment).open() as queue:
        yield queue


def work_off(deployment: Deployment) -> None:
    """Does what is in the queue, and nothing that the clock would add to it meanwhile."""
    queue = job_queue(deployment)
    queue.periodic_registry.periodic_tasks.clear()
    queue.run_worker(wait=False, delete_jobs="successful", install_signal_handlers=False)


def states(deployment: Deployment, task: str) -> list[str]:
    with deployment.database.engine.connect() as connection:
        query = text("SELECT status FROM procrastinate_jobs WHERE task_name = :task ORDER BY id")
        return [row.status for row in connection.execute(query, {"task": task})]


def test_a_chore_is_done_and_its_job_is_gone(
    deployment: Deployment, queue: App, world: World, clock: MovableClock
):
    world.token(world.person(world.organization()), hours=1)
    clock.advance(hours=2)
    queue.configure_task("prune_passing").defer(timestamp=0)

    work_off(deployment)

    with deployment.transaction(world.origin) as tx:
        assert tx.query(PersonalToken).count() == 0
    assert states(deployment, "prune_passing") == []


@pytest.mark.parametrize("chore", CHORES, ids=lambda chore: chore.name)
def test_every_chore_can_be_done_at_any_time(deployment: Deployment, queue: App, chore):
    queue.configure_task(chore.name).defer(timestamp=0)

    work_off(deployment)

    assert states(deployment, chore.name) == []


def test_a_job_whose_worker_was_killed_is_begun_anew(deployment: Deployment, queue: App):
    job_id = queue.configure_task("prune_passing").defer(timestamp=0)
    with deployment.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :id"), {"id": job_id}
        )
    queue.configure_task("retry_abandoned_jobs").defer(timestamp=0)

    work_off(deployment)

    assert states(deployment, "prune_passing") == []


def test_an_abandoned_job_stays_when_the_next_of_its_kind_waits(deployment: Deployment, queue: App):
    job_id = queue.configure_task("prune_passing").defer(timestamp=0)
    with deployment.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :id"), {"id": job_id}
        )
    queue.configure_task("prune_passing", schedule_in={"hours": 1}, queueing_lock="prune_passing").defer(
        timestamp=0
    )
    queue.configure_task("retry_abandoned_jobs").defer(timestamp=0)

    work_off(deployment)

    assert states(deployment, "prune_passing") == ["doing", "todo"]
    assert states(deployment, "retry_abandoned_jobs") == []


def test_no_chore_waits_for_those_that_last(
    deployment: Deployment, queue: App, monkeypatch: pytest.MonkeyPatch
):
    """Also not when these are due again meanwhile: one of each is enough."""
    begun, quick, told_to_stop = list[str](), Event(), Event()

    def last(name: str, _: Deployment, pause: Pause) -> None:
        begun.append(name)
        while not (told_to_stop.is_set() or pause(0.01)):
            pass

    names = [f"lasting{number}" for number in range(9)]
    chores = [Chore(name, "0 0 1 1 *", partial(last, name)) for name in names]
    seldom = Chore("quick", "0 0 1 1 *", lambda *_: quick.set())
    monkeypatch.setattr(worker, "CHORES", (*chores, seldom))
    busy = job_queue(deployment)
    busy.periodic_registry.periodic_tasks.clear()

    async def work_and_look() -> None:
        working = asyncio.create_task(worker.work(busy))
        try:
            for name in [*names, *names, "quick"]:
                queue.configure_task(name).defer(timestamp=0)
            assert await asyncio.to_thread(quick.wait, 10)
        finally:
            told_to_stop.set()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    asyncio.run(work_and_look())

    assert sorted(begun) == names


def test_a_chore_that_lasts_is_told_when_the_worker_is_to_stop(
    deployment: Deployment, queue: App, monkeypatch: pytest.MonkeyPatch
):
    begun = Event()

    def last(_: Deployment, pause: Pause) -> None:
        begun.set()
        while not pause(0.01):
            pass

    monkeypatch.setattr(worker, "CHORES", (Chore("lasting", "0 0 1 1 *", last),))
    stopping = job_queue(deployment)

    async def work_and_stop() -> None:
        async with stopping.open_async():
            await stopping.configure_task("lasting").defer_async(timestamp=0)
            working = asyncio.create_task(
                stopping.run_worker_async(
                    delete_jobs="successful", shutdown_graceful_timeout=0.01, install_signal_handlers=False
                )
            )
            await asyncio.to_thread(begun.wait, 20)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    asyncio.run(work_and_stop())

    assert begun.is_set()
    assert states(deployment, "lasting") == []
