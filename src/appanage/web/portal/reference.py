"""The scope reference: what an app can ask for, how risky it is, and who may grant it."""

from starlette.routing import Route

from appanage.apps.scopes import Family, GrantedBy, Risk, Scope, ServiceAppUse, families
from appanage.kit.text import count_of
from appanage.web.pages import Page, Pages
from appanage.web.visit import SignInRequired, Visit

GRANTERS = {
    GrantedBy.ANY_USER: "Any person",
    GrantedBy.ORG_ADMIN: "Administrator",
    GrantedBy.FULL_ADMIN: "Full Administrator",
    GrantedBy.COMPLIANCE_OFFICER: "Compliance Officer",
    GrantedBy.PARTNER_ADMIN: "Partner administrator",
}
USES = {
    ServiceAppUse.YES: ("Yes", "ok"),
    ServiceAppUse.LIMITED: ("Limited", "warn"),
    ServiceAppUse.NO: ("No", "bad"),
}
RISKS = {Risk.HIGH: "High risk", Risk.MEDIUM: "Medium risk", Risk.LOW: "Low risk"}


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/scopes", show)]


def show(visit: Visit) -> Page:
    """For everybody who is signed in; the catalogue is the same for all of them."""
    if visit.session is None:
        raise SignInRequired("Sign in to see this page.")
    wanted = {name: visit.text(name) for name in ("q", "family", "risk", "use")}
    found = [(family, _matching(family, wanted)) for family in families()]
    shown = [(family, scopes) for family, scopes in found if scopes]
    return Page(
        "portal/scopes.html",
        area="portal",
        here="scopes",
        groups=shown,
        wanted=wanted,
        is_filtered=any(wanted.values()),
        count=count_of(sum(len(scopes) for _, scopes in shown), "scope", "scopes"),
        families=[(family.key, family.heading) for family in families()],
        risks=RISKS,
        uses=USES,
        granters=GRANTERS,
    )


def _matching(family: Family, wanted: dict[str, str]) -> list[Scope]:
    return [scope for scope in family.scopes if _matches(scope, wanted)]


def _matches(scope: Scope, wanted: dict[str, str]) -> bool:
    """Every word of the search is in the scope's name or its title."""
    text = f"{scope.name} {scope.title}".lower()
    return (
        all(word in text for word in wanted["q"].lower().split())
        and wanted["family"] in {"", scope.family}
        and wanted["risk"] in {"", scope.risk}
        and wanted["use"] in {"", scope.service_app}
    )
