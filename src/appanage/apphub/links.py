"""Asking whether the links of a listing answer, after it was handed in and outside of every transaction."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy import select

from appanage.apphub import checks, queries
from appanage.apphub.checks import Check, Finding, Severity
from appanage.apphub.content import Content
from appanage.apphub.model import OPEN_STATES, Submission
from appanage.apps.model import App
from appanage.kit.errors import NotFound
from appanage.kit.outbound import Fetcher, NotFetched
from appanage.storage import Transaction

NOT_ASKED = "The links are not checked: this platform calls no other hosts."
_LARGEST = 4 * 1024 * 1024  # of a page whose content nobody reads
_WITHIN = timedelta(seconds=5)
_AT_ONCE = 5  # submissions: with links that all keep silent less than two minutes

NewTransaction = Callable[[], AbstractContextManager[Transaction]]


def ask_all(begin: NewTransaction, fetcher: Fetcher, *, must_end: Callable[[], bool] = lambda: False) -> int:
    """Asks the links of what was handed in since the last time, and keeps what they answer. Tells of how many.

    Between two submissions it ends when it must; what is left waits for the next time.
    """
    with begin() as tx:
        waiting = _list_waiting(tx)
    for done, (submission_id, number, links) in enumerate(waiting):
        if must_end():
            return done
        findings = [finding for what, url in links.items() for finding in answered(what, url, fetcher)]
        if links and not fetcher.is_on:
            findings.append(Finding(Check.LINKS, Severity.FOR_REVIEWERS, NOT_ASKED))
        with begin() as tx:
            _keep(tx, submission_id, number, findings)
    return len(waiting)


def answered(what: str, url: str, fetcher: Fetcher) -> list[Finding]:
    """What is wrong with one link: that nobody may be sent there, or that it does not answer."""
    try:
        fetcher.check(url)
        if fetcher.is_on:
            fetcher.get(url, largest=_LARGEST, within=_WITHIN)
    except NotFetched as refused:
        return [Finding(Check.LINKS, Severity.FOR_REVIEWERS, f"The {what}, {url}: {refused.sentence}")]
    return []


def _list_waiting(tx: Transaction) -> Sequence[tuple[uuid.UUID, int, Mapping[str, str]]]:
    waits = Submission.findings.bool_op("@>")([{"check": Check.LINKS.value, "waits": True}])
    query = select(Submission).join(App, App.id == Submission.app_id)
    query = query.where(Submission.state.in_(OPEN_STATES), waits, App.deleted_at.is_(None))
    rows = tx.scalars(query.order_by(Submission.submitted_at).limit(_AT_ONCE))
    return [(one.id, one.number, checks.links_of(Content.read(one.content))) for one in rows]


def _keep(tx: Transaction, submission_id: uuid.UUID, number: int, found: Sequence[Finding]) -> None:
    """In the place of what waited, unless another version was handed in meanwhile."""
    try:
        submission = queries.get_for_review(tx, submission_id, for_update=True)
    except NotFound:
        return
    if submission.number == number:
        kept = [one for one in submission.findings if not one["waits"]]
        submission.findings = [*kept, *(finding.as_json() for finding in found)]
