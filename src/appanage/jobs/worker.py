"""The job worker: a process that does what is due, once in a deployment however many workers there are."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from time import sleep

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import UniqueViolation

from appanage.deployment import Deployment
from appanage.jobs.app_hub import ask_links
from appanage.jobs.endings import end_overdue
from appanage.jobs.housekeeping import prune_lasting, prune_passing, rotate_signing_keys
from appanage.jobs.letters import deliver, postman, remind
from appanage.jobs.pruning import Pause
from appanage.jobs.sandboxes import end_sandboxes
from appanage.storage.engine import plain_url

TOLD_AFTER = 1.0  # seconds after the worker is told to stop, running jobs that have not ended are told so too
_OWN_JOBS = 2  # what the queue needs for itself
KEEP_FAILED_FOR = 7 * 24  # hours in which a failed job can be looked into


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done again and again. `cron` is in UTC; what lasts long pauses, and ends when it is told to."""

    name: str
    cron: str
    run: Callable[[Deployment, Pause], object]


CHORES = (
    Chore("rotate_signing_keys", "7 * * * *", rotate_signing_keys),
    Chore("prune_passing", "*/10 * * * *", prune_passing),
    Chore("prune_lasting", "35 * * * *", prune_lasting),
    Chore("end_overdue", "* * * * *", end_overdue),
    Chore("deliver_letters", "* * * * *", deliver),
    Chore("remind", "17 * * * *", remind),
    Chore("ask_links", "* * * * *", ask_links),
    Chore("end_sandboxes", "*/5 * * * *", end_sandboxes),
)


def run(deployment: Deployment) -> None:
    """Works until SIGINT or SIGTERM, then finishes what it has begun."""
    with postman(deployment):
        asyncio.run(work(job_queue(deployment)))


async def work(queue: App) -> None:
    """Does what the queue holds. Each chore has room and a thread of its own, so that none waits for one that lasts."""
    room = len(CHORES) + _OWN_JOBS
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(room, thread_name_prefix="chore"))
    async with queue.open_async():
        await queue.run_worker_async(
            concurrency=room, delete_jobs="successful", shutdown_graceful_timeout=TOLD_AFTER
        )


def job_queue(deployment: Deployment) -> App:
    """The queue in the deployment's database, with all its chores."""
    url = plain_url(deployment.database.url)
    connector = PsycopgConnector(
        conninfo=url, min_size=1, max_size=4, kwargs={"application_name": "appanage jobs"}
    )
    queue = App(connector=connector)
    for chore in CHORES:
        _schedule(queue, chore, deployment)
    _keep_tidy(queue)
    return queue


def _schedule(queue: App, chore: Chore, deployment: Deployment) -> None:
    at_work = Lock()

    @queue.periodic(cron=chore.cron)
    @queue.task(
        name=chore.name, queueing_lock=chore.name, pass_context=True
    )  # of each chore at most one waits
    def do(context: JobContext, timestamp: int) -> None:
        del timestamp  # the time that it was due; chores look at the present
        if not at_work.acquire(blocking=False):
            return  # the one before still lasts: it would only take the room of other chores
        try:
            chore.run(deployment, partial(_pause, context))
        finally:
            at_work.release()


def _pause(context: JobContext, seconds: float) -> bool:
    """True when the worker has been told to stop."""
    sleep(seconds)
    return context.should_abort()


def _keep_tidy(queue: App) -> None:
    """What the queue needs for itself."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name="retry_abandoned_jobs", queueing_lock="retry_abandoned_jobs")
    async def retry_abandoned_jobs(timestamp: int) -> None:
        """A worker that was killed leaves its jobs behind as running; they are begun anew."""
        del timestamp
        for job in await queue.job_manager.get_stalled_jobs():
            with suppress(UniqueViolation):  # the next one of its kind is waiting already
                await queue.job_manager.retry_job(job)

    @queue.periodic(cron="23 4 * * *")
    @queue.task(name="forget_failed_jobs", queueing_lock="forget_failed_jobs")
    async def forget_failed_jobs(timestamp: int) -> None:
        del timestamp
        await queue.job_manager.delete_old_jobs(nb_hours=KEEP_FAILED_FOR, include_failed=True)
