"""People (platform reference §5.4): found, shown, created, changed, deleted, always in the caller's organization."""

import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import Query, Response

from appanage.api.call import Call, needs
from appanage.api.person_bodies import (
    ADMIN_READ,
    READERS,
    PersonBody,
    PersonInput,
    decode_licenses,
    new_profile,
    replaced_profile,
    sees_everything,
    view_of,
)
from appanage.api.roles import decode_roles, separated
from appanage.api.schemas import Body, Line, PageQuery, link_next, new_router
from appanage.authorizations.departures import end_sign_in, remove_person
from appanage.authorizations.queries import find_by_account
from appanage.directory import queries, service
from appanage.directory.model import Account, AccountKind
from appanage.directory.queries import PeopleFilter
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind
from appanage.kit.paging import PageRequest

router = new_router("People")

MOST_IDS = 85

PeopleReader = Annotated[Call, needs(*READERS)]
PeopleWriter = Annotated[Call, needs("spark-admin:people_write")]


class PeopleQuery(PageQuery):
    """Whom to list. `callingData` and `excludeStatus` of the platform are accepted and change nothing."""

    email: Line | None = None
    display_name: Line | None = None
    id: str | None = None
    org_id: Line | None = None
    roles: Line | None = None
    location_id: Line | None = None


class PeopleBody(Body):
    items: list[PersonBody]
    not_found_ids: list[str]


@router.get("/people")
def list_people(call: PeopleReader, response: Response, query: Annotated[PeopleQuery, Query()]) -> PeopleBody:
    """The people of the organization by name, or those that the parameters describe.

    Without the scope `spark-admin:people_read` and a role it is a directory: an `email`, the beginning of a
    `displayName` or an `id` must be given, and what only administrators see is left out.
    """
    full = sees_everything(call.account, call.caller.scopes)
    organization = call.own_organization(query.org_id)
    _require_narrow(call, query, full=full)
    ids = separated([query.id or ""])
    wanted = _filter(call, query, ids)
    page = queries.list_people(call.tx, organization.id, wanted, query.page)
    link_next(call, response, page)
    view = view_of(call, for_administrators=full)
    return PeopleBody(items=[view.body(one) for one in page.items], not_found_ids=_not_found(call, ids))


@router.get("/people/me")
def get_own_person(call: PeopleReader) -> PersonBody:
    """The account that calls; a machine account names its app. A bot is its own."""
    view = view_of(call, for_administrators=sees_everything(call.account, call.caller.scopes))
    app = call.caller.app
    return view.body(call.account, client_id=app.client_id if app and not app.is_bot else None)


@router.get("/people/{person_id}")
def get_person(call: PeopleReader, person_id: str) -> PersonBody:
    """One person of the organization, or one of its machine accounts."""
    person = _get(call, person_id)
    view = view_of(call, for_administrators=sees_everything(call.account, call.caller.scopes))
    return view.body(person, client_id=_client_id(call, person))


@router.post("/people")
def create_person(call: PeopleWriter, wanted: PersonInput) -> PersonBody:
    """Adds a person to the organization; 409 when the address is taken. Roles need a Full Administrator."""
    service.require_people_writer(call.account)
    organization = call.own_organization(wanted.org_id)
    person = service.create_person(
        call.tx,
        organization,
        new_profile(call, wanted),
        by=call.account.as_actor(),
        own_domains=call.deployment.settings.own_domains,
        licenses=decode_licenses(call, wanted.licenses or []),
    )
    service.assign_roles(call.tx, person, decode_roles(wanted.roles or [], call), by=call.account)
    return view_of(call, for_administrators=True).body(person)


@router.put("/people/{person_id}")
def replace_person(call: PeopleWriter, person_id: str, wanted: PersonInput) -> PersonBody:
    """Replaces what is said of a person: what is left out is emptied, but for address, sign-in, roles and licenses."""
    service.require_people_writer(call.account)
    call.own_organization(wanted.org_id)
    person = _get(call, person_id, for_update=True)
    _require_same(call, wanted.id, person)
    profile = replaced_profile(call, wanted, person)
    if not profile.login_enabled:
        end_sign_in(call.tx, person)
    service.update_person(
        call.tx,
        person,
        profile,
        by=call.account,
        own_domains=call.deployment.settings.own_domains,
        roles=None if wanted.roles is None else decode_roles(wanted.roles, call),
        licenses=None if wanted.licenses is None else decode_licenses(call, wanted.licenses),
    )
    return view_of(call, for_administrators=True).body(person)


@router.delete("/people/{person_id}", status_code=204)
def delete_person(call: PeopleWriter, person_id: str) -> None:
    """Ends a person's account, and what they allowed apps to do for them."""
    service.require_people_writer(call.account)
    person = _get(call, person_id, for_update=True)
    longest_token = call.deployment.issuer.longest_life
    remove_person(call.tx, person, by=call.account, longest_token=longest_token)


def _require_narrow(call: Call, query: PeopleQuery, *, full: bool) -> None:
    if full:
        return
    if query.roles:
        call.require_scope(ADMIN_READ)
    if not (query.email or query.display_name or query.id):
        sentence = "Give email, displayName or id: only administrators may list everybody."
        raise Invalid(sentence, fields={"email": sentence})


def _filter(call: Call, query: PeopleQuery, ids: list[str]) -> PeopleFilter:
    if len(ids) > MOST_IDS:
        sentence = f"At most {MOST_IDS} ids can be asked for at once."
        raise Invalid(sentence, fields={"id": sentence})
    wanted = PeopleFilter(
        email=query.email or None,
        display_name=query.display_name or None,
        roles=decode_roles([query.roles], call) if query.roles else None,
        location_id=query.location_id or None,
    )
    known = [found for found in (_decoded(call, one) for one in ids) if found]
    return replace(wanted, ids=known, kinds=tuple(AccountKind)) if ids else wanted


def _not_found(call: Call, ids: list[str]) -> list[str]:
    """Those ids that name nobody in the organization, as they were given."""
    if not ids:
        return []
    wanted = _filter(call, PeopleQuery(), ids)
    found = queries.list_people(call.tx, call.organization.id, wanted, PageRequest(MOST_IDS)).items
    present = {person.id for person in found}
    return [one for one in ids if _decoded(call, one) not in present]


def _decoded(call: Call, public_id: str) -> uuid.UUID | None:
    try:
        return call.ids.decode(Kind.PEOPLE, public_id)
    except NotFound:
        return None


def _get(call: Call, public_id: str, *, for_update: bool = False) -> Account:
    person_id = call.ids.decode(Kind.PEOPLE, public_id)
    return queries.get_account(call.tx, call.organization.id, person_id, for_update=for_update)


def _client_id(call: Call, person: Account) -> str | None:
    authorization = find_by_account(call.tx, person.id) if person.is_machine else None
    return authorization.app.client_id if authorization else None


def _require_same(call: Call, public_id: str | None, person: Account) -> None:
    """An id in the body must agree with the one in the address (checklist CONS-11)."""
    if public_id and _decoded(call, public_id) != person.id:
        sentence = "The id in the body is not the one in the address."
        raise Invalid(sentence, fields={"id": sentence})
