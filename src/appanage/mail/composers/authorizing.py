"""Letters about requests and decisions: to administrators who can decide, to owners and askers about the outcome.

Owners and askers are told what an organization decided, never who of it did (checklist CONS-12, AUD-05).
"""

from collections.abc import Iterator

from appanage.apps.model import App
from appanage.apps.scopes import Risk, by_risk
from appanage.authorizations.model import ProposalState, RequestOrigin
from appanage.kit.text import count_of
from appanage.mail.composers.table import Composer
from appanage.mail.notices import Administrators, Notice, Owners, People
from appanage.mail.story import (
    Story,
    an_administrator_of,
    an_owner_of,
    app_name,
    day,
    maker,
    moment,
    organization_name,
    scopes_line,
)
from appanage.mail.text import Draft, named


def requested(story: Story) -> Iterator[Notice]:
    """Also of a share, which is a request that comes from elsewhere: whichever is read first tells of both.

    Not where the app is blocked by name: nobody there can authorize it, and its developers learn nothing (AUD-05).
    """
    app, asked = story.app, next(iter(story.requests), None)
    if app is None or asked is None or not asked.is_open or app.deleted_at is not None or story.is_blocked:
        return
    there, who = named(asked.organization.name), named(asked.requested_by_name)
    from_here = asked.origin == RequestOrigin.PERSON.value
    sender = f"{who} of {there}" if from_here else f"{who} of {maker(app)}"
    paragraphs = [
        f"{sender} asks the administrators of {there} to authorize the Service App {app_name(app)} by {maker(app)}.",
        _what_it_asks_for(app.scopes),
    ]
    if not app.is_listed:
        paragraphs.append(
            f"Nobody reviewed this app for the {story.brand.apphub}: decide by what you know of {maker(app)}."
        )
    draft = Draft(
        about=f"request:{asked.id}:{story.event.at.isoformat()}",
        subject=f"{who} asks to authorize {app_name(app)}",
        paragraphs=paragraphs,
        link=f"/hub/service-apps/{app.id}",
        why=an_administrator_of(there),
        quoted=f"{who} wrote",
        quote=asked.message,
    )
    yield Notice(Administrators(asked.organization_id), draft)


def _what_it_asks_for(scopes: list[str]) -> str:
    high = len(by_risk(scopes)[Risk.HIGH])
    asks = f"It asks for {count_of(len(scopes), 'scope', 'scopes')}"
    return f"{asks}, {high} of high risk." if high else f"{asks}, none of high risk."


def request_declined(story: Story) -> Iterator[Notice]:
    app, there = story.app, organization_name(story.organization)
    if app is None:
        return
    if any(one.origin != RequestOrigin.PERSON.value for one in story.requests):
        draft = Draft(
            about=story.about,
            subject=f"{there} declined to authorize {app_name(app)}",
            paragraphs=[f"The administrators of {there} declined to authorize {app_name(app)}."],
            link=f"/portal/apps/{app.id}/authorization",
            why=an_owner_of(app),
            quoted=f"The administrators of {there} wrote",
            quote=story.reason,
        )
        yield Notice(Owners(app.id), draft)
    draft = Draft(
        about=story.about,
        subject=f"Your request for {app_name(app)} was declined",
        paragraphs=[f"The administrators of {there} declined your request to authorize {app_name(app)}."],
        link="/portal/requests",
        why=f"you asked for {app_name(app)}",
        quoted=f"The administrators of {there} wrote",
        quote=story.reason,
    )
    yield Notice(People.of(*(one.requested_by for one in story.requests)), draft)


def created(story: Story) -> Iterator[Notice]:
    app, there = story.app, organization_name(story.organization)
    if app is None or app.deleted_at is not None:
        return
    owners = Draft(
        about=story.about,
        subject=f"{there} authorized {app_name(app)}",
        paragraphs=[f"{there} authorized {app_name(app)}. You can get its tokens now.", *_terms(story)],
        link=f"/portal/apps/{app.id}/orgs",
        why=an_owner_of(app),
    )
    yield Notice(Owners(app.id), owners)
    askers = Draft(
        about=story.about,
        subject=f"{app_name(app)} is authorized in {there}",
        paragraphs=[f"You asked for {app_name(app)} by {maker(app)}. It is authorized in {there} now."],
        link="/portal/requests",
        why=f"you asked for {app_name(app)}",
    )
    yield Notice(People.of(*(one.requested_by for one in story.requests)), askers)
    yield from _confirmed(story, app, f"{app_name(app)} is authorized in {there} now.")


def _confirmed(story: Story, app: App, outcome: str) -> Iterator[Notice]:
    """To who proposed it, where it took two administrators."""
    first, second = story.id_of("proposedBy"), named(story.said("confirmedByName"))
    if first is None or not second:
        return
    draft = Draft(
        about=story.about,
        subject=f"Your proposal to authorize {app_name(app)} was confirmed",
        paragraphs=[
            f"{second} confirmed your proposal to authorize {app_name(app)}. {outcome}",
            *_terms(story),
        ],
        link=f"/hub/service-apps/{app.id}",
        why="you proposed it",
    )
    yield Notice(People.of(first), draft)


def _terms(story: Story) -> Iterator[str]:
    """How the authorization differs from what was asked for."""
    made = story.authorization
    if made is not None and made.declined_scopes:
        yield f"Not granted: {scopes_line(made.declined_scopes)}."
    if made is not None and made.ends_at is not None:
        yield f"It ends on {day(made.ends_at)}."


def updated(story: Story) -> Iterator[Notice]:
    app, there = story.app, organization_name(story.organization)
    if app is None or app.deleted_at is not None:
        return
    added, dropped = story.listed("added"), story.listed("dropped")
    paragraphs = [f"{there} changed what it authorized {app_name(app)} for."]
    paragraphs += [f"Granted now: {scopes_line(added)}."] if added else []
    paragraphs += [f"No longer granted: {scopes_line(dropped)}."] if dropped else []
    draft = Draft(
        about=story.about,
        subject=f"{there} changed the authorization of {app_name(app)}",
        paragraphs=[*paragraphs, *_terms(story)],
        link=f"/portal/apps/{app.id}/orgs",
        why=an_owner_of(app),
    )
    yield Notice(Owners(app.id), draft)
    yield from _confirmed(story, app, f"Its authorization in {there} is changed now.")


def changes_declined(story: Story) -> Iterator[Notice]:
    app, there = story.app, organization_name(story.organization)
    if app is None or app.deleted_at is not None:
        return
    declined = story.listed("declined")
    paragraphs = [
        f"{there} declined scopes that {app_name(app)} asks for. It goes on working there with those it has."
    ]
    paragraphs += [f"Declined: {scopes_line(declined)}."] if declined else []
    draft = Draft(
        about=story.about,
        subject=f"{there} declined changed scopes of {app_name(app)}",
        paragraphs=paragraphs,
        link=f"/portal/apps/{app.id}/orgs",
        why=an_owner_of(app),
        quoted=f"The administrators of {there} wrote",
        quote=story.reason,
    )
    yield Notice(Owners(app.id), draft)


def revoked(story: Story) -> Iterator[Notice]:
    """When the app was deleted, its owners know; the administrators whose app is gone do not."""
    app, organization = story.app, story.organization
    if app is None or organization is None:
        return
    there = named(organization.name)
    if app.deleted_at is not None and story.event.actor_organization_id != organization.id:
        gone = Draft(
            about=story.about,
            subject=f"{app_name(app)} was deleted by its developers",
            paragraphs=[
                f"{maker(app)} deleted {app_name(app)}, which {there} had authorized.",
                "Its machine account is deleted and its tokens stopped working. There is nothing for you to do.",
            ],
            link=f"/hub/service-apps/{app.id}",
            why=an_administrator_of(there),
        )
        yield Notice(Administrators(organization.id), gone)
    if app.deleted_at is None:
        draft = Draft(
            about=story.about,
            subject=f"{there} deauthorized {app_name(app)}",
            paragraphs=[f"{there} deauthorized {app_name(app)}. Its tokens for {there} stopped working."],
            link=f"/portal/apps/{app.id}/orgs",
            why=an_owner_of(app),
            quoted=f"The administrators of {there} wrote",
            quote=story.reason,
        )
        yield Notice(Owners(app.id), draft)


def expired(story: Story) -> Iterator[Notice]:
    app, organization = story.app, story.organization
    if app is None or organization is None or app.deleted_at is not None:
        return
    there = named(organization.name)
    sentence = (
        f"The authorization of {app_name(app)} in {there} came to its end, and its tokens stopped working."
    )
    subject = f"The authorization of {app_name(app)} in {there} has ended"
    owners = Draft(story.about, subject, [sentence], f"/portal/apps/{app.id}/authorization", an_owner_of(app))
    yield Notice(Owners(app.id), owners)
    admins = Draft(
        about=story.about,
        subject=subject,
        paragraphs=[sentence, "Authorize it anew if your organization still needs it."],
        link=f"/hub/service-apps/{app.id}",
        why=an_administrator_of(there),
    )
    yield Notice(Administrators(organization.id), admins)


def proposed(story: Story) -> Iterator[Notice]:
    app, proposal = story.app, story.proposal
    if app is None or proposal is None or proposal.state != ProposalState.WAITING:
        return
    who, there = named(proposal.proposed_by_name), organization_name(story.organization)
    draft = Draft(
        about=story.about,
        subject=f"{who} proposes to authorize {app_name(app)}",
        paragraphs=[
            f"{who} proposes to authorize {app_name(app)} by {maker(app)} for {there}.",
            f"It takes a second Full Administrator, who has time until {moment(proposal.expires_at)}.",
            _what_it_asks_for(proposal.scopes),
        ],
        link=f"/hub/service-apps/{app.id}",
        why=an_administrator_of(there),
        quoted=f"{who} wrote",
        quote=proposal.note,
    )
    yield Notice(Administrators(proposal.organization_id), draft)


def proposal_declined(story: Story) -> Iterator[Notice]:
    """One that something else came before is not declined by anybody's words."""
    if story.event.data.get("overtaken") is True:
        yield from proposal_expired(story)
        return
    app, proposal = story.app, story.proposal
    if app is None or proposal is None or app.deleted_at is not None:
        return
    draft = Draft(
        about=story.about,
        subject=f"Your proposal to authorize {app_name(app)} was declined",
        paragraphs=[f"{story.actor} declined your proposal to authorize {app_name(app)}."],
        link=f"/hub/service-apps/{app.id}",
        why="you proposed it",
        quoted=f"{story.actor} wrote",
        quote=story.reason,
    )
    yield Notice(People.of(proposal.proposed_by), draft)


def _why_it_ended(story: Story, app: App) -> str:
    """By time there is nothing more to say than that; else something else came first."""
    if story.reason:
        return f"Your proposal to authorize {app_name(app)} has ended before a second administrator agreed: {story.reason}"
    return (
        f"No second administrator agreed in time to authorize {app_name(app)}, so your proposal has ended. "
        "You can propose it again."
    )


def proposal_expired(story: Story) -> Iterator[Notice]:
    app, proposal = story.app, story.proposal
    if app is None or proposal is None or app.deleted_at is not None:
        return
    draft = Draft(
        about=story.about,
        subject=f"Your proposal to authorize {app_name(app)} has ended",
        paragraphs=[_why_it_ended(story, app)],
        link=f"/hub/service-apps/{app.id}",
        why="you proposed it",
    )
    yield Notice(People.of(proposal.proposed_by), draft)


def scopes_changed(story: Story) -> Iterator[Notice]:
    """Once a day at the most: it tells that there is something to decide, and the page tells what."""
    app = story.app
    if app is None or app.deleted_at is not None:
        return
    for place in story.places:
        if not place.added_scopes:
            continue
        there, added = named(place.organization_name), scopes_line(sorted(place.added_scopes))
        draft = Draft(
            about=f"scopes:{app.id}:{place.organization_id}:{story.event.at:%Y-%m-%d}",
            subject=f"{app_name(app)} asks for more scopes",
            paragraphs=[
                f"{app_name(app)} by {maker(app)}, which {there} has authorized, asks for more scopes: {added}.",
                "Until you approve or decline them it goes on working with those it has.",
            ],
            link=f"/hub/service-apps/{app.id}",
            why=an_administrator_of(there),
        )
        yield Notice(Administrators(place.organization_id), draft)


AUTHORIZING: dict[str, Composer] = {
    "app.scopes_changed": scopes_changed,
    "app.shared": requested,
    "authorization.changes_declined": changes_declined,
    "authorization.created": created,
    "authorization.expired": expired,
    "authorization.proposal_declined": proposal_declined,
    "authorization.proposal_expired": proposal_expired,
    "authorization.proposed": proposed,
    "authorization.request_declined": request_declined,
    "authorization.requested": requested,
    "authorization.revoked": revoked,
    "authorization.updated": updated,
}
