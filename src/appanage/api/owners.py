"""Who owns an app: its owners add and remove each other and hand it over; administrators find an owner for one without.

Owners act as for everything about their own apps. An app whose owners have all left, or can sign in no more, is found
and adopted by a Full Administrator of its organization, for themselves or for a colleague; any other app is not found.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import Body as Given
from fastapi import Query, Response

from appanage.api.app_bodies import NAMES, public_id
from appanage.api.call import Call, needs
from appanage.api.owned_apps import Developer, Owner, decode_app_id, owned_app
from appanage.api.schemas import Body, Items, Line, PageQuery, Time, link_next, new_router
from appanage.apps import owners, queries
from appanage.apps.model import App, AppKind
from appanage.apps.queries import Ownership
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Invalid
from appanage.kit.ids import Kind

router = new_router("Owners of applications")

Administrator = Annotated[Call, needs("spark-admin:organizations_read", person=True)]
Decider = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class OwnerState(StrEnum):
    """`proposed`: becomes an owner of a listed app by a review. `left`: deleted, or can sign in no more."""

    OWNER = "owner"
    PROPOSED = "proposed"
    LEFT = "left"


class ColleagueInput(Body):
    """A person of the own organization, by id or by address."""

    person_id: Line = ""
    email: Line = ""


class OwnerBody(Body):
    """Who owns an app, or is going to."""

    person_id: str
    display_name: str
    email: str
    state: OwnerState
    since: Time | None = None


class OwnerlessBody(Body):
    """An app that nobody owns any more, and who did."""

    id: str
    name: str
    type: str
    created: Time
    former_owners: list[OwnerBody]


@router.get("/applications/{application_id}/owners")
def list_owners(call: Developer, application_id: str) -> Items[OwnerBody]:
    """The owners of an app, the first one first, then those who wait for a review."""
    return Items(items=_owners(call, owned_app(call, application_id)))


@router.post("/applications/{application_id}/owners")
def add_owner(call: Owner, application_id: str, wanted: ColleagueInput) -> OwnerBody:
    """Makes a colleague an owner too; of a listed app once a reviewer approved it."""
    app = _locked(call, application_id)
    colleague = _colleague(call, wanted)
    owners.add(call.tx, app, colleague, by=call.account, rules=call.deployment.app_rules)
    return _one(call, app, colleague)


@router.delete("/applications/{application_id}/owners/{person_id}", status_code=204)
def remove_owner(call: Owner, application_id: str, person_id: str) -> None:
    """Takes an owner away at once, or oneself; never the last one who can act."""
    app = _locked(call, application_id)
    account_id = call.ids.decode(Kind.PEOPLE, person_id)
    owners.remove(call.tx, app, account_id, by=call.account, rules=call.deployment.app_rules)


@router.post("/applications/{application_id}/transfer")
def transfer_application(call: Owner, application_id: str, wanted: ColleagueInput) -> Items[OwnerBody]:
    """Puts a colleague in the caller's own place, in one act; of a listed app both wait for the review.

    The answer names the owners as they are then.
    """
    app = _locked(call, application_id)
    colleague = _colleague(call, wanted)
    owners.transfer(call.tx, app, colleague, by=call.account, rules=call.deployment.app_rules)
    return Items(items=_owners(call, app))


@router.get("/applicationsWithoutOwner")
def list_ownerless(
    call: Administrator, response: Response, query: Annotated[PageQuery, Query()]
) -> Items[OwnerlessBody]:
    """The apps of the organization that nobody owns any more, the newest first. For Full Administrators."""
    call.require_role(Role.FULL_ADMIN)
    page = queries.list_ownerless(call.tx, call.organization.id, query.page)
    link_next(call, response, page)
    former = queries.owners_by_app(call.tx, [app.id for app in page.items])
    return Items(items=[_ownerless(call, app, former.get(app.id, ())) for app in page.items])


@router.post("/applications/{application_id}/adoption")
def adopt_application(
    call: Decider, application_id: str, wanted: Annotated[ColleagueInput | None, Given()] = None
) -> OwnerBody:
    """Gives an app without an owner one, at once: the caller, or the colleague who is named."""
    call.require_role(Role.FULL_ADMIN)
    app_id = decode_app_id(call, application_id)
    app = queries.get_ownerless(call.tx, call.organization.id, app_id, for_update=True)
    is_named = wanted is not None and bool(wanted.person_id or wanted.email)
    new_owner = _colleague(call, wanted) if wanted is not None and is_named else call.account
    owners.adopt(call.tx, app, new_owner, by=call.account, rules=call.deployment.app_rules)
    return _one(call, app, new_owner)


def _locked(call: Call, application_id: str) -> App:
    """For who may change it. The accounts are held later, both at once, and looked at again then."""
    app = queries.get_owned(call.tx, call.account, decode_app_id(call, application_id), for_update=True)
    call.deployment.app_rules.require_registrar(call.account)
    return app


def _colleague(call: Call, wanted: ColleagueInput) -> Account:
    if bool(wanted.person_id) == bool(wanted.email):
        sentence = "Name a colleague by personId or by email, one of the two."
        raise Invalid(sentence, fields={"personId": sentence})
    person_id = call.ids.decode(Kind.PEOPLE, wanted.person_id) if wanted.person_id else None
    return owners.find_colleague(call.tx, call.account, email=wanted.email, person_id=person_id)


def _owners(call: Call, app: App) -> list[OwnerBody]:
    present = [_owner(call, one) for one in queries.list_owners(call.tx, app)]
    waiting = queries.list_waiting_owners(call.tx, app)
    return [*present, *(_body(call, account, OwnerState.PROPOSED) for account in waiting)]


def _one(call: Call, app: App, account: Account) -> OwnerBody:
    person_id = call.ids.encode(Kind.PEOPLE, account.id)
    return next(one for one in _owners(call, app) if one.person_id == person_id)


def _ownerless(call: Call, app: App, former: Sequence[Ownership]) -> OwnerlessBody:
    return OwnerlessBody(
        id=public_id(call, app),
        name=app.name,
        type=NAMES[AppKind(app.kind)],
        created=app.created_at,
        former_owners=[_owner(call, one) for one in former],
    )


def _owner(call: Call, one: Ownership) -> OwnerBody:
    body = _body(call, one.account, OwnerState.OWNER if one.can_act else OwnerState.LEFT)
    body.since = one.since
    return body


def _body(call: Call, account: Account, state: OwnerState) -> OwnerBody:
    return OwnerBody(
        person_id=call.ids.encode(Kind.PEOPLE, account.id),
        display_name=account.display_name,
        email=account.email,
        state=state,
    )
