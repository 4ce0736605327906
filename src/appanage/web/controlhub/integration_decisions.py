"""Deciding on integrations: the organization's policy, rules on single ones, and the page that confirms a disconnection.

The services read the roles again; what they refuse is committed with its record.
"""

from collections.abc import Mapping
from datetime import timedelta

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.authorizations import disconnections, policies
from appanage.authorizations import integrations as queries
from appanage.authorizations.integrations import Integration
from appanage.authorizations.model import Authorization, PolicyMode
from appanage.authorizations.queries import last_used_at
from appanage.directory.model import Account
from appanage.kit.errors import Invalid, NotFound, Refused
from appanage.kit.ids import parse_uuid
from appanage.kit.text import count_of, one_line
from appanage.web.controlhub.access import Ability, enter
from appanage.web.controlhub.integrations import LIST, RULES, RuleForm, integration_of, integration_page
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

_UNCONFIRMED = "Confirm that people are disconnected. Nothing was changed."


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST + "/policy", edit_policy),
        pages.route(LIST + "/policy", set_policy, methods=["POST"]),
        pages.route(LIST + "/rules/new", new_rule),
        pages.route(LIST + "/rules", create_rule, methods=["POST"]),
        pages.route(LIST + "/{id}/rule", decide, methods=["POST"]),
        pages.route(LIST + "/{id}/disconnect", confirm),
        pages.route(LIST + "/{id}/disconnect", disconnect, methods=["POST"]),
    ]


def edit_policy(visit: Visit) -> Page:
    return _policy_page(visit, enter(visit, Ability.RULE))


def set_policy(visit: Visit) -> Answer:
    viewer = enter(visit, Ability.RULE)
    mode = _mode(visit.form.get("mode"))
    if mode is None:
        errors = {"mode": "Choose what holds for integrations that no rule names. Nothing was changed."}
        return _policy_page(visit, viewer, errors=errors, status=422)
    if mode == PolicyMode.BLOCK and _must_be_confirmed(visit, viewer):
        return _policy_page(visit, viewer, chosen=mode.value, errors={"ack": _UNCONFIRMED}, status=422)
    ended = policies.set_policy(
        visit.tx, viewer.organization, mode, by=viewer, longest_token=_longest_token(visit)
    )
    if isinstance(ended, Refused):
        return ended
    holds = "blocked" if mode == PolicyMode.BLOCK else "allowed"
    visit.tell(f"Integrations that no rule names are {holds}.{_ended(ended)}")
    return see_other(LIST)


def new_rule(visit: Visit) -> Page:
    enter(visit, Ability.RULE)
    return _new_rule_page()


def create_rule(visit: Visit) -> Answer:
    """A rule on an integration that nobody has connected yet; one that people use is decided on at its own page."""
    viewer = enter(visit, Ability.RULE)
    client_id, chosen = "".join(visit.form.get("client_id").split()), visit.form.get("rule")
    app, mode = queries.find_by_client_id(visit.tx, client_id), _mode(chosen)
    if app is None or mode is None:
        errors = _problems(app, mode)
        return _new_rule_page(client_id=client_id, chosen=chosen, errors=errors, status=422)
    known = queries.find_integration(visit.tx, viewer.organization_id, app.id)
    if known is not None and known.people:
        visit.tell(
            f"{count_of(known.people, 'person uses', 'people use')} {app.name} already. Decide on it here."
        )
        return see_other(_address(app))
    return _ruled(visit, viewer, app, mode)


def decide(visit: Visit) -> Answer:
    viewer = enter(visit, Ability.RULE)
    integration, form = integration_of(visit, viewer), RuleForm.read(visit.form)
    problems = form.problems(integration)
    if problems:
        return integration_page(visit, viewer, integration, form=form, errors=problems, status=422)
    return _ruled(visit, viewer, integration.app, RULES[form.rule])


def confirm(visit: Visit) -> Page:
    viewer = enter(visit, Ability.DISCONNECT)
    return _confirmation(visit, viewer, integration_of(visit, viewer), person=visit.text("person"))


def disconnect(visit: Visit) -> Answer:
    """One person, or everybody when none is named."""
    viewer = enter(visit, Ability.DISCONNECT)
    integration, person = integration_of(visit, viewer), visit.form.get("person")
    try:
        ended = _disconnect(visit, viewer, integration.app, person)
    except Invalid as refusal:
        return _confirmation(visit, viewer, integration, person=person, errors=refusal.fields, status=422)
    if isinstance(ended, Refused):
        return ended
    visit.tell(_ended(ended).strip() or "Nothing was changed: nobody was connected any more.")
    return see_other(_address(integration.app))


def _ruled(visit: Visit, viewer: Account, app: App, mode: PolicyMode | None) -> Answer:
    organization, longest_token = viewer.organization, _longest_token(visit)
    if mode is None:
        ended = policies.remove_rule(visit.tx, organization, app, by=viewer, longest_token=longest_token)
        told = f"{app.name} follows the policy."
    else:
        ended = policies.set_rule(visit.tx, organization, app, mode, by=viewer, longest_token=longest_token)
        told = (
            f"{app.name} is {'blocked' if mode == PolicyMode.BLOCK else 'allowed'} for {organization.name}."
        )
    if isinstance(ended, Refused):
        return ended
    visit.tell(told + _ended(ended))
    # Without the rule, one that nobody ever connected is out of sight.
    is_known = mode or queries.find_integration(visit.tx, organization.id, app.id)
    return see_other(_address(app) if is_known else LIST)


def _disconnect(visit: Visit, viewer: Account, app: App, person: str) -> int | Refused:
    organization, longest_token = viewer.organization, _longest_token(visit)
    reason = one_line(visit.form.get("reason"))
    if not person:
        return disconnections.disconnect_all(
            visit.tx, organization, app, by=viewer, longest_token=longest_token, reason=reason
        )
    connection = _connection(visit, viewer, app, person)
    done = disconnections.disconnect(
        visit.tx,
        organization,
        app,
        connection.account_id,
        by=viewer,
        longest_token=longest_token,
        reason=reason,
    )
    return done if isinstance(done, Refused) else int(done)


def _connection(visit: Visit, viewer: Account, app: App, person: str) -> Authorization:
    person_id = parse_uuid(person)
    if person_id is None:
        raise NotFound("This page does not exist.")
    return queries.get_connection(visit.tx, viewer.organization_id, app.id, person_id)


def _must_be_confirmed(visit: Visit, viewer: Account) -> bool:
    reach = queries.reach_of_policy(visit.tx, viewer.organization_id)
    return bool(reach.connections) and not visit.form.has("ack")


def _problems(app: App | None, mode: PolicyMode | None) -> Errors:
    """What is missing for a new rule, by field. Another app's client id reads as one that nobody has (CONS-12)."""
    found = {} if app else {"client_id": "There is no integration with this client ID. Copy all of it."}
    return found if mode else found | {"rule": "Choose whether to allow or to block it."}


def _policy_page(
    visit: Visit,
    viewer: Account,
    *,
    chosen: str | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    policy = queries.find_policy(visit.tx, viewer.organization_id)
    current = policy.mode if policy else PolicyMode.ALLOW.value
    return Page(
        "controlhub/integrations/policy.html",
        status=status,
        area="hub",
        here="integrations",
        chosen=current if chosen is None else chosen,
        reach=queries.reach_of_policy(visit.tx, viewer.organization_id),
        errors=errors or {},
    )


def _new_rule_page(
    *, client_id: str = "", chosen: str = "", errors: Errors | None = None, status: int = 200
) -> Page:
    return Page(
        "controlhub/integrations/new.html",
        status=status,
        area="hub",
        here="integrations",
        client_id=client_id,
        chosen=chosen,
        errors=errors or {},
    )


def _confirmation(
    visit: Visit,
    viewer: Account,
    integration: Integration,
    *,
    person: str,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    """What stops, for one person or for everybody."""
    connection = _connection(visit, viewer, integration.app, person) if person else None
    if connection is not None:
        used_at = last_used_at(visit.tx, [connection.id]).get(connection.id)
    else:
        app_id = integration.app.id
        used_at = queries.last_used_at(visit.tx, viewer.organization_id, [app_id]).get(app_id)
    return Page(
        "controlhub/integrations/disconnect.html",
        status=status,
        area="hub",
        here="integrations",
        integration=integration,
        address=_address(integration.app),
        connection=connection,
        used_at=used_at,
        reason=one_line(visit.form.get("reason")),
        errors=errors or {},
    )


def _mode(value: str) -> PolicyMode | None:
    return next((mode for mode in PolicyMode if mode == value), None)


def _ended(ended: int) -> str:
    return f" {count_of(ended, 'connection has', 'connections have')} ended." if ended else ""


def _longest_token(visit: Visit) -> timedelta:
    return visit.deployment.settings.lifetimes.longest_access_token


def _address(app: App) -> str:
    return f"{LIST}/{app.id}"
