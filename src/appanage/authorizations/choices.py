"""What an administrator chose to grant, against what the app asks for and what the policy allows: rules without a database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from appanage.apps.model import App
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.model import Authorization
from appanage.kit.errors import Invalid


class End(Enum):
    """Said of the end of an authorization by who says nothing of it: a running one keeps its own."""

    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is granted until when. `declined` are those of the app's scopes that it will not get (checklist CONS-05)."""

    scopes: frozenset[str]
    declined: frozenset[str]
    ends_at: datetime | None
    note: str = ""

    def judged_by_policy(self, current: Authorization | None) -> frozenset[str]:
        """The scopes that are granted newly, or for longer than before: what a policy on authorizing is asked about."""
        if current is None or _is_longer(self.ends_at, current.ends_at):
            return self.scopes
        return self.scopes - frozenset(current.scopes)

    def is_in_force(self, current: Authorization) -> bool:
        """Whether this is what the authorization says already."""
        granted, declined = frozenset(current.scopes), frozenset(current.declined_scopes)
        return (self.scopes, self.declined, self.ends_at) == (granted, declined, current.ends_at)


def wanted_scopes(app: App, current: Authorization | None, named: Collection[str] | None) -> frozenset[str]:
    """Those that were named; else everything that the app asks for, but what was declined here before."""
    if named is not None:
        return frozenset(named)
    return frozenset(app.scopes) - frozenset(current.declined_scopes if current else ())


def choose(
    app: App,
    current: Authorization | None,
    *,
    wanted: frozenset[str],
    ends_at: datetime | End | None,
    note: str,
    terms: Terms,
    now: datetime,
) -> Choice:
    """What comes of it, if it is possible. Raises Invalid, naming the scopes that are missing or unknown, or the end.

    A first authorization takes everything that is not optional, and so does one that approves added scopes. Of a running
    one that gains nothing, what was added is left for later.
    """
    asked, held = frozenset(app.scopes), frozenset(current.scopes if current else ())
    declined = frozenset(current.declined_scopes if current else ())
    grows = current is None or not wanted <= held
    in_question = asked if grows else asked & held
    _require_possible(app, wanted, needed=in_question - frozenset(app.optional_scopes) - declined)
    given_up = (in_question & frozenset(app.optional_scopes)) | declined
    return Choice(
        scopes=wanted,
        declined=given_up & (asked - wanted),
        ends_at=_end(current, ends_at, terms, now, grows=grows),
        note=note,
    )


def _require_possible(app: App, wanted: frozenset[str], *, needed: frozenset[str]) -> None:
    unknown, missing = wanted - frozenset(app.scopes), needed - wanted
    sentence = ""
    if unknown:
        sentence = f"{app.name} does not ask for {_named(unknown)}."
    elif missing:
        sentence = (
            f"{app.name} cannot do without {_named(missing)}: its developer has not marked that as optional."
        )
    elif not wanted:
        sentence = "Choose at least one scope."
    if sentence:
        raise Invalid(sentence, code="scopes_not_possible", fields={"scopes": sentence})


def _end(
    current: Authorization | None, wanted: datetime | End | None, terms: Terms, now: datetime, *, grows: bool
) -> datetime | None:
    """A running authorization that gains nothing keeps its end, whatever the policy says of new decisions.

    One that is over, and that nobody has ended yet, has none to keep: it is authorized as if for the first time.
    """
    latest = terms.latest_end(now)
    is_over = current is not None and current.is_over_at(now)
    kept = current.ends_at if current and not is_over else None
    if wanted is End.KEPT or wanted == kept:
        return _earlier(kept, latest) if grows or is_over else kept
    assert not isinstance(wanted, End)
    ends_at = wanted or latest
    problem = _end_problem(ends_at, latest, terms, now) if ends_at else ""
    if problem:
        raise Invalid(problem, code="end_not_possible", fields={"endsAt": problem})
    return ends_at


def _end_problem(ends_at: datetime, latest: datetime | None, terms: Terms, now: datetime) -> str:
    if ends_at <= now:
        return "The end has to lie in the future. Nothing was changed."
    if latest is not None and ends_at > latest:
        return (
            f"The policy of your organization lets an authorization last {terms.longest_days} days: "
            f"until {latest:%Y-%m-%d} at the latest."
        )
    return ""


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _is_longer(ends_at: datetime | None, before: datetime | None) -> bool:
    return before is not None and (ends_at is None or ends_at > before)


def _named(scopes: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(scopes))
