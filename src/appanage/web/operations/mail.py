"""The Outbox: letters that were written, and what became of them.

For the operator; in the demonstration, where nothing is sent, also for everybody who is signed in.
"""

from collections.abc import Callable

from starlette.routing import Route

from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.mail.queries import LetterFilter, LetterState, get_letter, list_letters, state_of
from appanage.web.controlhub.lists import Turns
from appanage.web.operations.access import enter
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit

STATES = {
    LetterState.WAITING: ("Waiting", "info"),
    LetterState.SENT: ("Sent", "ok"),
    LetterState.FAILED: ("Given up", "bad"),
    LetterState.KEPT: ("Not sent", ""),
}


def routes(pages: Pages) -> list[Route]:
    found = [
        pages.route("/operations/mail", index),
        pages.route("/operations/mail/{id}", show),
    ]
    if pages.settings.demo:
        found += [pages.route("/outbox", index_of_demonstration), pages.route("/outbox/{id}", show_to_all)]
    return found


def index(visit: Visit) -> Page:
    return _index(visit, _operator, area="operations", here="mail")


def show(visit: Visit) -> Page:
    return _show(visit, _operator, area="operations", here="mail")


def index_of_demonstration(visit: Visit) -> Page:
    return _index(visit, _anybody, area="portal", here="outbox")


def show_to_all(visit: Visit) -> Page:
    return _show(visit, _anybody, area="portal", here="outbox")


def _operator(visit: Visit) -> Account:
    return enter(visit, Role.OPERATOR)


def _anybody(visit: Visit) -> Account:
    return visit.viewer


def _index(visit: Visit, require: Callable[[Visit], Account], *, area: str, here: str) -> Page:
    require(visit)
    state, search = _state(visit.text("state")), visit.text("q")
    found = list_letters(visit.tx, LetterFilter(state, search), visit.page_request())
    return Page(
        "operations/mail/index.html",
        area=area,
        here=here,
        base=visit.path,
        rows=[(letter, *STATES[state_of(letter)]) for letter in found.items],
        states=[("", "All states"), *((one.value, label) for one, (label, _) in STATES.items())],
        state=state or "",
        search=search,
        is_sending=visit.deployment.settings.sends_mail,
        turns=Turns.of(visit, found),
    )


def _show(visit: Visit, require: Callable[[Visit], Account], *, area: str, here: str) -> Page:
    require(visit)
    letter = get_letter(visit.tx, visit.id())
    label, tone = STATES[state_of(letter)]
    return Page(
        "operations/mail/show.html",
        area=area,
        here=here,
        base=visit.path.rpartition("/")[0],
        letter=letter,
        badges=[(label, tone)],
    )


def _state(text: str) -> LetterState | None:
    return LetterState(text) if text in set(LetterState) else None
