"""Sandboxes: a developer's own organizations to try things out in."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import sandboxes
from appanage.directory import sandboxes as directory
from appanage.directory.model import Sandbox
from appanage.directory.sandboxes import SandboxRules
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.text import one_line
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

LIST = "/portal/sandboxes"


def routes(pages: Pages) -> list[Route]:
    """None where the deployment has no sandboxes."""
    if not pages.settings.sandboxes:
        return []
    return [
        pages.route(LIST, show_list),
        pages.route(LIST, create, methods=["POST"]),
        pages.route(LIST + "/{id}/created", show_password),
        pages.route(LIST + "/{id}/extension", extend, methods=["POST"]),
        pages.route(LIST + "/{id}/end", confirm),
        pages.route(LIST + "/{id}/end", end, methods=["POST"]),
    ]


def show_list(visit: Visit) -> Page:
    return _list_page(visit)


def create(visit: Visit) -> Response | Page:
    """Makes one; its administrator's password is shown on the next page and nowhere else."""
    name = one_line(visit.form.get("name"))
    passwords = visit.deployment.passwords
    try:
        made = sandboxes.create(visit.tx, visit.viewer, name, rules=_rules(visit), passwords=passwords)
    except Invalid as invalid:
        return _list_page(visit, name, invalid.fields, status=422)
    except Conflict as conflict:
        return _list_page(visit, name, {"": conflict.message}, status=409)
    organization_id = str(made.sandbox.organization_id)
    shown = visit.keep_secret({"sandbox": organization_id, "password": made.password.reveal()})
    return see_other(f"{LIST}/{organization_id}/created?shown={shown}")


def show_password(visit: Visit) -> Page:
    """Once; a reload says that it was shown."""
    sandbox = directory.get_owned(visit.tx, visit.viewer, visit.id())
    kept = visit.take_secret(visit.text("shown")) or {}
    is_of_this = kept.get("sandbox") == str(sandbox.organization_id)
    return _page(
        "portal/sandboxes/created.html",
        kind="secret",
        sandbox=sandbox,
        password=str(kept["password"]) if is_of_this else "",
    )


def extend(visit: Visit) -> Response | Page:
    try:
        sandbox = directory.extend(visit.tx, visit.viewer, visit.id(), rules=_rules(visit))
    except Conflict as conflict:
        return _list_page(visit, errors={"": conflict.message}, status=409)
    visit.tell(f"{sandbox.organization.name} lives on.")
    return see_other(LIST)


def confirm(visit: Visit) -> Page:
    sandbox = directory.get_owned(visit.tx, visit.viewer, visit.id())
    return _page("portal/sandboxes/end.html", sandbox=sandbox)


def end(visit: Visit) -> Response | Page:
    longest = visit.deployment.settings.lifetimes.longest_access_token
    try:
        sandbox = sandboxes.end(visit.tx, visit.viewer, visit.id(), longest_token=longest)
    except Conflict as conflict:
        return _list_page(visit, errors={"": conflict.message}, status=409)
    visit.tell(f"{sandbox.organization.name} has ended.")
    return see_other(LIST)


def _list_page(
    visit: Visit, name: str = "", errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    page = directory.list_owned(visit.tx, visit.viewer, visit.page_request())
    settings = visit.deployment.settings
    return _page(
        "portal/sandboxes/index.html",
        status=status,
        rows=[_row(visit, one) for one in page.items],
        turns=Turns.of(visit, page),
        is_at_home=directory.find_end(visit.tx, visit.viewer.organization_id) is None,
        most=settings.sandboxes_per_person,
        days=settings.sandbox_lifetime.days,
        name=name,
        errors=errors or {},
    )


def _row(visit: Visit, sandbox: Sandbox) -> dict[str, object]:
    now = visit.tx.now
    is_open = sandbox.is_open and sandbox.expires_at > now
    return {
        "sandbox": sandbox,
        "base": f"{LIST}/{sandbox.organization_id}",
        "is_open": is_open,
        "is_extendable": is_open and now >= directory.extendable_from(sandbox),
        "extendable_from": directory.extendable_from(sandbox),
    }


def _rules(visit: Visit) -> SandboxRules:
    return visit.deployment.sandbox_rules


def _page(template: str, **context: object) -> Page:
    return Page(template, area="portal", here="sandboxes", **context)  # type: ignore[arg-type]
