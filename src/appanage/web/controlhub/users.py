"""The people of an organization: finding one, adding one, and giving roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from email_validator import EmailNotValidError, validate_email
from starlette.responses import Response
from starlette.routing import Route

from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, AccountKind, Organization
from appanage.directory.queries import PeopleFilter
from appanage.directory.roles import Role, find_role, labels
from appanage.directory.service import Profile
from appanage.events.service import record_refused_change
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.http import status_of
from appanage.kit.text import one_line
from appanage.web.controlhub.access import Ability, either, enter, explanation, holders, may
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.visit import Form, Visit, see_other

Errors = Mapping[str, str]

_LONGEST = 120
_FIELDS = {
    "first_name": "first name",
    "last_name": "last name",
    "email": "e-mail address",
    "title": "title",
    "department": "department",
}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/hub/users", index),
        pages.route("/hub/users", create, methods=["POST"]),
        pages.route("/hub/users/new", new),
        pages.route("/hub/users/{id}", show),
        pages.route("/hub/users/{id}/roles", assign, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class PersonForm:
    """What is said about a new person."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    title: str = ""
    department: str = ""
    roles: tuple[str, ...] = ()

    @classmethod
    def read(cls, form: Form) -> Self:
        texts = {name: one_line(form.get(name)) for name in _FIELDS}
        return cls(**texts, roles=tuple(form.all("roles")))

    def problems(self, organization: Organization) -> dict[str, str]:
        found = {name: _text_problem(getattr(self, name), what) for name, what in _FIELDS.items()}
        found["first_name"] = found["first_name"] or self._name_problem()
        found["email"] = found["email"] or _address_problem(self.email)
        found["roles"] = _roles_problem(organization, self.roles)
        return {name: sentence for name, sentence in found.items() if sentence}

    def profile(self) -> Profile:
        return Profile(
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            title=self.title or None,
            department=self.department or None,
        )

    def _name_problem(self) -> str:
        return "" if self.first_name or self.last_name else "Enter a first or a last name."


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_PEOPLE)
    role = find_role(visit.text("role"), viewer.organization.roles)
    wanted = PeopleFilter(search=visit.text("q"), roles=[role] if role else None, kinds=[AccountKind.PERSON])
    found = directory.list_people(visit.tx, viewer.organization_id, wanted, visit.page_request())
    return _page(
        "index.html",
        people=found.items,
        total=directory.count_people(visit.tx, viewer.organization_id, wanted),
        search=visit.text("q"),
        role=role,
        roles=viewer.organization.roles,
        labels=labels,
        may_add=may(viewer, Ability.ADD_PEOPLE),
        turns=Turns.of(visit, found),
    )


def new(visit: Visit) -> Page:
    viewer = enter(visit, Ability.ADD_PEOPLE)
    return _new_page(viewer, PersonForm())


def create(visit: Visit) -> Page | Response:
    viewer = enter(visit, Ability.ADD_PEOPLE)
    form = PersonForm.read(visit.form)
    problems = form.problems(viewer.organization)
    if problems:
        return _new_page(viewer, form, problems)
    try:
        person = directory_service.create_person(
            visit.tx,
            viewer.organization,
            form.profile(),
            by=viewer.as_actor(),
            own_domains=visit.deployment.settings.own_domains,
        )
    except (Conflict, Invalid) as refused:
        return _new_page(viewer, form, {"email": refused.message})
    # Not with the creation: who may give roles is a rule of its own, and its refusal undoes both.
    directory_service.assign_roles(visit.tx, person, _chosen(person, form.roles), by=viewer)
    visit.tell(f"{person.display_name} was added to {viewer.organization.name}.")
    return see_other(f"/hub/users/{person.id}")


def show(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_PEOPLE)
    return _person_page(visit, viewer, _person(visit, viewer))


def assign(visit: Visit) -> Page | Response:
    """Gives exactly the ticked roles, unless somebody else changed them since the page was opened."""
    viewer = enter(visit, Ability.SEE_PEOPLE)
    person = _person(visit, viewer, for_update=True)
    ticked = tuple(visit.form.all("roles"))
    problem = _roles_problem(person.organization, ticked)
    if problem:
        return _person_page(visit, viewer, person, errors={"roles": problem}, status=422)
    if visit.form.get("seen") != _seen(person):
        sentence = (
            "Somebody else changed these roles since you opened the page. Here they are as they are now."
        )
        return _person_page(visit, viewer, person, errors={"": sentence}, status=409)
    try:
        directory_service.assign_roles(visit.tx, person, _chosen(person, ticked), by=viewer)
    except (Conflict, NotPermitted) as refused:
        if isinstance(refused, NotPermitted):
            record_refused_change(visit.tx, viewer.as_actor(), refused, f"POST {visit.path}")
        errors = {"roles" if isinstance(refused, Conflict) else "": refused.message}
        return _person_page(visit, viewer, person, ticked=ticked, errors=errors, status=status_of(refused))
    visit.tell(_roles_told(person))
    return see_other(f"/hub/users/{person.id}" if may(viewer, Ability.SEE_PEOPLE) else "/")


def _person(visit: Visit, viewer: Account, *, for_update: bool = False) -> Account:
    found = directory.get_account(visit.tx, viewer.organization_id, visit.id(), for_update=for_update)
    if not found.is_person:
        raise NotFound("There is no person with this id.")
    return found


def _person_page(
    visit: Visit,
    viewer: Account,
    person: Account,
    *,
    ticked: tuple[str, ...] | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    licenses = {one.id: one.name for one in directory.list_licenses(visit.tx, viewer.organization_id)}
    return _page(
        "show.html",
        status=status,
        person=person,
        labels=labels(person.roles),
        licenses=[licenses[license_id] for license_id in person.license_ids if license_id in licenses],
        choices=_role_choices(person.organization),
        ticked=[role.value for role in person.roles] if ticked is None else ticked,
        seen=_seen(person),
        errors=errors or {},
        may_assign=may(viewer, Ability.ASSIGN_ROLES),
        assigners=either(holders(visit, Role.FULL_ADMIN)),
        may_read_audit=may(viewer, Ability.READ_AUDIT),
    )


def _new_page(viewer: Account, form: PersonForm, errors: Errors | None = None) -> Page:
    return _page(
        "new.html",
        status=422 if errors else 200,
        form=form,
        errors=errors or {},
        choices=_role_choices(viewer.organization) if may(viewer, Ability.ASSIGN_ROLES) else [],
        organization=viewer.organization,
    )


def _page(template: str, *, status: int = 200, **context: Any) -> Page:
    return Page(f"controlhub/users/{template}", status=status, area="hub", here="users", **context)


def _role_choices(organization: Organization) -> list[tuple[str, str, str]]:
    return [(role.value, role.label, explanation(role)) for role in organization.roles]


def _chosen(person: Account, values: tuple[str, ...]) -> list[Role]:
    found = (find_role(value, person.organization.roles) for value in values)
    return [role for role in found if role]


def _seen(person: Account) -> str:
    return " ".join(sorted(person.roles))


def _roles_told(person: Account) -> str:
    held = labels(person.roles)
    return (
        f"{person.display_name} now has {', '.join(held)}."
        if held
        else f"{person.display_name} has no role now."
    )


def _text_problem(text: str, what: str) -> str:
    if len(text) > _LONGEST:
        return f"The {what} has {len(text)} characters; at most {_LONGEST} are possible."
    return ""


def _address_problem(address: str) -> str:
    if not address:
        return "Enter the e-mail address with which the person signs in."
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return "That is not a valid e-mail address. It looks like name@example.com."
    return ""


def _roles_problem(organization: Organization, values: tuple[str, ...]) -> str:
    are_known = all(find_role(value, organization.roles) for value in values)
    return "" if are_known else "Choose from the listed roles. Nothing was changed."
