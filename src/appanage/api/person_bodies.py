"""The shapes of a person on the wire (platform reference §5.4) and in our terms."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AliasChoices, Field

from appanage.api.call import Call
from appanage.api.roles import separated
from appanage.api.schemas import Body, FilledLine, Line, Name, Time
from appanage.directory.columns import AccountColumns
from appanage.directory.model import Account, AccountKind, license_key
from appanage.directory.queries import get_account, list_licenses
from appanage.directory.roles import PEOPLE_READERS, Role
from appanage.directory.service import Profile
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind, PublicIds, parse_uuid

ADMIN_READ = "spark-admin:people_read"
READERS = ("spark:people_read", ADMIN_READ, "spark:all")
"""The scopes by which people are read; any of them will do."""

_TYPES = {AccountKind.PERSON: "person", AccountKind.MACHINE: "appuser", AccountKind.BOT: "bot"}


def _address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as cause:
        message = "is not a valid e-mail address"
        raise ValueError(message) from cause


Address = Annotated[Line, AfterValidator(_address)]


MOST = 50
"""Entries of any list about a person."""


class PhoneNumber(Body):
    type: Literal["work", "work_extension", "mobile", "fax"]
    value: FilledLine
    primary: bool | None = None


class PostalAddress(Body):
    type: Line | None = None
    country: Line | None = None
    locality: Line | None = None
    region: Line | None = None
    street_address: Line | None = None
    postal_code: Line | None = None


class PersonInput(Body):
    """What can be said of a person. Fields that only the platform sets are ignored."""

    id: Line | None = None
    org_id: Line | None = None
    emails: Annotated[list[Address], Field(min_length=1, max_length=1)] | None = None
    display_name: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    nick_name: Name | None = None
    avatar: Line | None = None
    title: Line | None = None
    department: Line | None = None
    manager: Line | None = None
    manager_id: Line | None = None
    extension: Line | None = None
    location_id: Line | None = None
    time_zone: Annotated[Line | None, Field(validation_alias=AliasChoices("timeZone", "timezone"))] = None
    phone_numbers: Annotated[list[PhoneNumber], Field(max_length=MOST)] | None = None
    addresses: Annotated[list[PostalAddress], Field(max_length=MOST)] | None = None
    site_urls: Annotated[list[Line], Field(max_length=MOST)] | None = None
    login_enabled: bool | None = None
    roles: Annotated[list[Line], Field(max_length=MOST)] | None = None
    licenses: Annotated[list[Line], Field(max_length=MOST)] | None = None

    def profile(self, email: str, manager_id: uuid.UUID | None) -> Profile:
        """Everything said here; what is left out is empty."""
        return Profile(
            email=email,
            display_name=self.display_name or "",
            first_name=self.first_name or "",
            last_name=self.last_name or "",
            nick_name=self.nick_name or "",
            avatar=self.avatar or None,
            title=self.title or None,
            department=self.department or None,
            manager=self.manager or None,
            manager_id=manager_id,
            extension=self.extension or None,
            location_id=self.location_id or None,
            time_zone=self.time_zone or None,
            phone_numbers=tuple(one.model_dump(exclude_none=True) for one in self.phone_numbers or ()),
            addresses=tuple(one.model_dump(by_alias=True, exclude_none=True) for one in self.addresses or ()),
            site_urls=tuple(self.site_urls or ()),
            login_enabled=self.login_enabled is not False,
        )


class PersonBody(Body):
    """An account as the caller may see it; `accountType` and `applicationId` are extensions of ours."""

    id: str
    emails: list[str]
    phone_numbers: list[dict[str, Any]]
    extension: str | None
    location_id: str | None
    display_name: str
    nick_name: str | None
    first_name: str | None
    last_name: str | None
    avatar: str | None
    org_id: str
    roles: list[str] | None = None
    licenses: list[str] | None = None
    department: str | None
    manager: str | None
    manager_id: str | None
    title: str | None
    addresses: list[dict[str, Any]]
    created: Time
    last_modified: Time
    time_zone: str | None
    site_urls: list[str]
    sip_addresses: list[dict[str, Any]]
    invite_pending: bool | None = None
    login_enabled: bool | None = None
    type: str
    account_type: str
    application_id: str | None = None


def new_profile(call: Call, wanted: PersonInput) -> Profile:
    if not wanted.emails:
        raise Invalid("emails is required.", fields={"emails": "Give exactly one address."})
    return wanted.profile(wanted.emails[0], _manager(call, wanted.manager_id))


def replaced_profile(call: Call, wanted: PersonInput, person: Account) -> Profile:
    """The whole profile anew. Left out, the address and the permission to sign in stay; both are no mere details."""
    email = wanted.emails[0] if wanted.emails else person.email
    profile = wanted.profile(email, _manager(call, wanted.manager_id, present=person.manager_id))
    enabled = person.login_enabled if wanted.login_enabled is None else wanted.login_enabled
    return replace(profile, login_enabled=enabled, sip_addresses=tuple(person.sip_addresses))


def sees_everything(viewer: Account | AccountColumns, scopes: Collection[str]) -> bool:
    """Whether who calls sees of people what only administrators do: by a scope and, when a person calls, a role."""
    return ADMIN_READ in scopes and (viewer.is_machine or bool(viewer.roles & PEOPLE_READERS))


@dataclass(frozen=True, slots=True)
class PersonView:
    """How one caller sees people. `licenses` are the public ids of licenses, for administrators only."""

    ids: PublicIds
    licenses: Mapping[uuid.UUID, str] | None

    def body(self, person: Account | AccountColumns, *, client_id: str | None = None) -> PersonBody:
        """`client_id` is the one of the app that a machine account belongs to."""
        body = self._public(person)
        if client_id:
            body.application_id = self.ids.encode(Kind.APPLICATION, client_id)
        if self.licenses is not None:
            body.roles = [self.ids.encode(Kind.ROLE, role.value) for role in Role if role in person.roles]
            body.licenses = [self.licenses[license_id] for license_id in person.license_ids]
            body.invite_pending = person.invite_pending
            body.login_enabled = person.login_enabled
        return body

    def _public(self, person: Account | AccountColumns) -> PersonBody:
        return PersonBody(
            id=self.ids.encode(Kind.PEOPLE, person.id),
            emails=[person.email],
            phone_numbers=person.phone_numbers,
            extension=person.extension,
            location_id=person.location_id,
            display_name=person.display_name,
            nick_name=person.nick_name or None,
            first_name=person.first_name or None,
            last_name=person.last_name or None,
            avatar=person.avatar,
            org_id=self.ids.encode(Kind.ORGANIZATION, person.organization_id),
            department=person.department,
            manager=person.manager,
            manager_id=self.ids.encode(Kind.PEOPLE, person.manager_id) if person.manager_id else None,
            title=person.title,
            addresses=person.addresses,
            created=person.created_at,
            last_modified=person.modified_at,
            time_zone=person.time_zone,
            site_urls=person.site_urls,
            sip_addresses=person.sip_addresses,
            type=_TYPES[AccountKind(person.kind)],
            account_type=person.kind,
        )


def view_of(call: Call, *, for_administrators: bool) -> PersonView:
    if not for_administrators:
        return PersonView(call.ids, None)
    licenses = list_licenses(call.tx, call.organization.id)
    return PersonView(call.ids, {one.id: call.ids.encode(Kind.LICENSE, one.public_key) for one in licenses})


def own_body(
    ids: PublicIds, person: AccountColumns, *, scopes: Collection[str], client_id: str | None
) -> PersonBody:
    """The account that calls, by a token of these scopes that the client was given."""
    licenses = None
    if sees_everything(person, scopes):
        keys = zip(person.license_ids, person.license_codes, strict=True)
        licenses = {
            one: ids.encode(Kind.LICENSE, license_key(person.organization_id, code, one))
            for one, code in keys
        }
    return PersonView(ids, licenses).body(person, client_id=client_id)


def decode_licenses(call: Call, public_ids: list[str]) -> list[uuid.UUID]:
    """The licenses that the ids name; raises Invalid for one that is not the organization's."""
    known = {str(one.id): one.id for one in list_licenses(call.tx, call.organization.id)}
    try:
        return [known[license_key_in(one, call.ids)] for one in separated(public_ids)]
    except (KeyError, NotFound) as cause:
        sentence = "A license is not one of this organization. List them with GET /v1/licenses."
        raise Invalid(sentence, fields={"licenses": sentence}) from cause


def license_key_in(public_id: str, ids: PublicIds) -> str:
    """The UUID at the end of a license id, which holds `<organization>:<CODE>_<license>`, or the bare UUID."""
    bare = parse_uuid(public_id)
    return str(bare) if bare else ids.decode_key(Kind.LICENSE, public_id).rpartition("_")[2]


def _manager(call: Call, public_id: str | None, *, present: uuid.UUID | None = None) -> uuid.UUID | None:
    """A manager is somebody of the same organization; one who has left since may stay."""
    if not public_id:
        return None
    try:
        found = call.ids.decode(Kind.PEOPLE, public_id)
        return found if found == present else get_account(call.tx, call.organization.id, found).id
    except NotFound as cause:
        sentence = "The manager is not a person of this organization."
        raise Invalid(sentence, fields={"managerId": sentence}) from cause
