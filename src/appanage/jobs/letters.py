"""Writing and sending letters: woken by the database as soon as there is something to tell, and every minute."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread
from typing import Any

import psycopg
import structlog

from appanage.deployment import Deployment
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin
from appanage.mail.reminders import FIRST, kinds, remind_some
from appanage.mail.sending import Office, send_due
from appanage.mail.telling import tell_some
from appanage.mail.writing import Desk
from appanage.storage.engine import LIVELY, plain_url

CHANNEL = "appanage_untold"
_LOOK_EVERY = 0.5  # seconds: for so long nobody notices that it is time to stop
_AFTER_A_FAULT = 5.0

log = structlog.get_logger(__name__)


def deliver(deployment: Deployment, pause: Pause) -> None:
    """Writes the letters about everything that nobody was told of yet, and sends what is due."""
    desk, office = Desk.of(deployment.settings), Office.of(deployment.settings)
    while _told_some(deployment, desk) and not pause(0):
        pass
    if office is not None:
        send_due(deployment.database, office, pause)


def remind(deployment: Deployment, pause: Pause) -> None:
    """Writes the letters that are due by time; they are sent within the minute."""
    desk = Desk.of(deployment.settings)
    for reminder, stage in kinds():
        after: uuid.UUID | None = FIRST
        while after is not None and not pause(0):
            with deployment.transaction(internal_origin()) as tx:
                after = remind_some(tx, desk, reminder, stage, after)


@contextmanager
def postman(deployment: Deployment) -> Iterator[None]:
    """Delivers as long as the block runs, whenever the database tells of something.

    At its end a letter that is being handed over is given a few seconds; if that is too little, it is sent again later.
    """
    stopped = Signal()
    thread = Thread(target=_keep_listening, args=(deployment, stopped), name="postman", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=5)


def _told_some(deployment: Deployment, desk: Desk) -> bool:
    with deployment.transaction(internal_origin()) as tx:
        return tell_some(tx, desk) > 0


def _keep_listening(deployment: Deployment, stopped: Signal) -> None:
    while not stopped.is_set():
        try:
            _listen(deployment, stopped)
        except psycopg.Error as error:
            log.warning("postman interrupted", reason=type(error).__name__)
        except Exception:  # what is not delivered now is taken up by the chore
            log.exception("postman stumbled")
        stopped.wait(_AFTER_A_FAULT)


def _listen(deployment: Deployment, stopped: Signal) -> None:
    with psycopg.connect(
        plain_url(deployment.database.url),
        autocommit=True,
        connect_timeout=3,
        application_name="appanage postman",
        **LIVELY,
    ) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        deliver(deployment, stopped.wait)
        while not stopped.is_set():
            if _is_called(connection):
                deliver(deployment, stopped.wait)


def _is_called(connection: psycopg.Connection[Any]) -> bool:
    return bool(list(connection.notifies(timeout=_LOOK_EVERY, stop_after=1)))
