"""What the decision card of a Service App posts, and what it comes to."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from appanage.authorizations.choices import End
from appanage.kit.errors import Invalid
from appanage.kit.text import one_line
from appanage.web.controlhub.review import Review
from appanage.web.visit import Form

APPROVE, DECLINE, KEEP = "approve", "decline", "keep"


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """`version` is the app's and `policy` the policy's as the administrator saw them.

    `chosen` are of the scopes that may be granted or not; `ends_on` is the last day, as a form carries it, None for a form
    without it.
    """

    authorized: bool
    change: str = ""
    chosen: frozenset[str] = frozenset()
    ends_on: str | None = ""
    acknowledged: bool = False
    note: str = ""
    reason: str = ""
    version: int = 0
    policy: int | None = None

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(
            authorized=form.has("authorized"),
            change=form.get("change"),
            chosen=frozenset(form.all("scope")),
            ends_on=form.get("ends_on").strip() if form.has("ends_on") else None,
            acknowledged=form.has("ack"),
            note=one_line(form.get("note")),
            reason=one_line(form.get("reason")),
            version=_number(form.get("version")) or 0,
            policy=_number(form.get("policy")),
        )

    @classmethod
    def before(cls, review: Review, now: datetime) -> Self:
        """As it is shown first: what is new is not chosen beforehand."""
        latest = review.terms.latest_end(now)
        ends_at = review.current.ends_at if review.current else latest
        return cls(
            authorized=review.current is not None,
            chosen=review.held & frozenset(review.choosable),
            ends_on=f"{last_day(ends_at)}" if ends_at else "",
        )

    @property
    def declines(self) -> bool:
        return self.change == DECLINE

    def scopes(self, review: Review) -> frozenset[str]:
        """What is to be granted; of a running authorization, what was added only where that is approved."""
        wanted = review.given | (self.chosen & frozenset(review.choosable))
        return wanted - frozenset(review.added) if review.added and self.change == KEEP else wanted

    def end(self, review: Review, now: datetime) -> datetime | End | None:
        """The moment after the last day; an unchanged day is an unchanged end. Raises Invalid for what is no day."""
        current = review.current.ends_at if review.current else None
        if self.ends_on is None or (current and now < current and self.ends_on == f"{last_day(current)}"):
            return End.KEPT
        if not self.ends_on:
            return None
        return _end_of(self.ends_on, review.terms.latest_end(now))

    def problems(self, review: Review) -> dict[str, str]:
        """What is missing for the decision that was made, by field."""
        if not self.authorized:
            sentence = f"Turn this on to authorize {review.app.name}. Nothing was changed."
            return {"authorized": sentence}
        found = {}
        if review.added and self.change not in {APPROVE, DECLINE, KEEP}:
            found["change"] = "Choose whether to approve the added scopes."
        if review.high_risk(self.scopes(review)) and not self.declines and not self.acknowledged:
            found["ack"] = "Confirm that you reviewed the high-risk scopes. Nothing was changed."
        return found


def last_day(ends_at: datetime) -> date:
    """The day on which an authorization still counts."""
    return (ends_at.astimezone(UTC) - timedelta(microseconds=1)).date()


def _end_of(day: str, latest: datetime | None) -> datetime:
    try:
        end = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as cause:
        sentence = "Enter a day, as in 2027-01-31."
        raise Invalid(sentence, fields={"endsAt": sentence}) from cause
    # The day on which the policy has it end at the latest may be chosen, although it is not over by then.
    return latest if latest is not None and last_day(latest) == last_day(end) else end


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
