"""What an organization sees of people of another one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from appanage.directory.model import Account, Organization
from appanage.events import Actor, SeenEvent, Target, record
from appanage.events.catalogue import SIGNED
from appanage.events.queries import EventFilter, list_by_offset, list_for_app, list_for_organization
from appanage.kit.paging import PageRequest
from support.world import World

ANYTHING = EventFilter()


@dataclass
class Scene:
    """A developer's organization, and a reviewer of another one who did something with an app of theirs."""

    world: World
    home: Organization
    reviewer: Account
    app_id: uuid.UUID

    def happens(self, type_: str, actor: Actor | None = None) -> None:
        target = Target("app", str(self.app_id), "License Lens", self.home.id, self.home.name)
        origin = replace(self.world.origin, address="192.0.2.7", user_agent="Reviewing/1", method="password")
        with self.world.deployment.transaction(origin) as tx:
            record(
                tx,
                type_,
                organization_id=self.home.id,
                actor=actor or self.reviewer.as_actor(),
                target=target,
                app_id=self.app_id,
            )

    def seen_at_home(self, wanted: EventFilter = ANYTHING) -> Sequence[SeenEvent]:
        """Alike on the page, at the API, and in the activity of the app."""
        with self.world.deployment.transaction(self.world.origin) as tx:
            logged = list_for_organization(tx, self.home.id, wanted, PageRequest()).items
            at_api, _ = list_by_offset(tx, self.home.id, wanted, offset=0, size=50)
            activity = list_for_app(tx, self.app_id, wanted, PageRequest(), developer_id=self.home.id).items
        assert logged == at_api
        assert [one.event.id for one in logged if one.event.app_id] == [one.event.id for one in activity]
        return [one for one in logged if one.event.app_id]

    def seen_abroad(self, wanted: EventFilter = ANYTHING) -> Sequence[SeenEvent]:
        with self.world.deployment.transaction(self.world.origin) as tx:
            page = list_for_organization(tx, self.reviewer.organization_id, wanted, PageRequest())
            return [one for one in page.items if one.event.app_id]


@pytest.fixture
def scene(world: World) -> Scene:
    abroad = world.organization(name="Appanage")
    return Scene(
        world, world.organization(name="Contoso"), world.person(abroad, name="Vera Stone"), uuid.uuid4()
    )


def private_facts(seen: SeenEvent) -> list[object]:
    return [seen.actor_id, seen.actor_email, seen.address, seen.user_agent, seen.method]


def test_a_person_of_another_organization_is_somebody(scene: Scene):
    """AUD-05."""
    scene.happens("submission.rejected")

    (seen,) = scene.seen_at_home()
    assert private_facts(seen) == [None, "", "", "", ""]
    assert seen.action_text == "Somebody of Appanage rejected the submission of License Lens."


def test_their_own_organization_sees_who_it_was(scene: Scene):
    """AUD-05: what its people did elsewhere is in its own log."""
    scene.happens("submission.rejected")

    (seen,) = scene.seen_abroad()
    assert seen.action_text == "Vera Stone rejected the submission of License Lens."
    assert private_facts(seen) == [
        scene.reviewer.id,
        scene.reviewer.email,
        "192.0.2.7",
        "Reviewing/1",
        "password",
    ]


@pytest.mark.parametrize("type_", SIGNED)
def test_what_is_done_in_the_name_of_an_organization_is_signed(scene: Scene, type_: str):
    """AUD-05: by name, and with nothing else."""
    scene.happens(type_)

    (seen,) = scene.seen_at_home()
    assert seen.actor_name == "Vera Stone"
    assert private_facts(seen) == [None, "", "", "", ""]


def test_nobody_finds_by_what_they_do_not_see(scene: Scene):
    """AUD-05."""
    scene.happens("submission.rejected")
    scene.happens("authorization.created")
    email, reviewer_id = scene.reviewer.email, scene.reviewer.id

    assert [seen.event.type for seen in scene.seen_at_home(EventFilter(search="Stone"))] == [
        "authorization.created"
    ]
    for hidden in (email, "192.0.2.7"):
        assert scene.seen_at_home(EventFilter(search=hidden)) == []
        assert len(scene.seen_abroad(EventFilter(search=hidden))) == 2
    assert scene.seen_at_home(EventFilter(actor_id=reviewer_id)) == []
    assert len(scene.seen_abroad(EventFilter(actor_id=reviewer_id))) == 2
    assert len(scene.seen_at_home(EventFilter(search="lens"))) == 2


def test_where_an_app_acts_from_is_shown_to_whom_it_acts_for(scene: Scene):
    """AUD-05: apps are no people."""
    maker = scene.world.organization()
    app = Actor("Audit Courier", "app", uuid.uuid4(), organization_id=maker.id, organization_name=maker.name)
    scene.happens("tokens.retrieved", app)

    (seen,) = scene.seen_at_home(EventFilter(search="192.0.2.7"))
    assert (seen.actor_name, seen.address) == ("Audit Courier", "192.0.2.7")
