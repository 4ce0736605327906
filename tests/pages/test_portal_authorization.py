"""Request admin authorization: who can decide, asking, and asking again."""

from appanage.directory.model import Plan
from appanage.directory.roles import Role
from support.world import PASSWORD

COMPLIANCE = ("spark-compliance:messages_read",)


def path_of(made):
    return f"/portal/apps/{made.id}/authorization"


def test_the_administrators_are_named(dana, world, developer, organization):
    world.full_admin(organization, name="Priya Raman")
    world.person(organization, Role.USER_ADMIN, name="Uwe Unable")
    made = world.service_app(developer, requested=False)

    page = dana.get(path_of(made))

    assert "Priya Raman" in page.text
    assert "Uwe Unable" not in page.text


def test_compliance_scopes_name_who_holds_both_roles(dana, world, developer, organization):
    made = world.service_app(developer, requested=False, scopes=COMPLIANCE)

    assert "has no Full Administrator" in dana.get(path_of(made)).text

    world.full_admin(organization, name="Priya Raman")

    assert "Nobody holds both roles" in dana.get(path_of(made)).text

    world.person(organization, Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER, name="Marek Novak")
    page = dana.get(path_of(made))

    assert "Marek Novak" in page.text
    assert "Priya Raman" not in page.text


def test_authorization_is_requested_and_the_next_day_reminded_of(dana, world, developer, organization, clock):
    made = world.service_app(developer, requested=False)
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"message": "Goes live on Monday.\nThank you."})

    assert "Authorization is requested." in page.text
    assert "Waiting for an administrator" in page.text

    page = dana.submit(path_of(made), {"message": ""}, status=409)

    assert "You asked already. You can ask again from" in page.text

    clock.advance(days=1)
    dana.sign_in(developer).get(path_of(made))
    page = dana.submit(path_of(made), {"message": ""})

    assert "The request is renewed." in page.text
    assert len(world.events(organization, "authorization.requested")) == 2


def test_a_message_that_is_too_long_is_kept_and_refused(dana, world, developer, organization):
    made = world.service_app(developer, requested=False)
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"message": "m" * 501}, status=422)

    assert "The message has 501 characters" in page.text
    assert page.values(page.forms(path_of(made))[0])["message"] == ["m" * 501]
    assert world.events(organization, "authorization.requested") == []


def test_a_free_organization_gets_an_explanation(browser, world):
    free = world.organization("Fabrikam", plan=Plan.FREE)
    developer = world.developer(free, password=PASSWORD)
    made = world.service_app(developer, requested=False)
    browser.sign_in(developer)
    page = browser.get(path_of(made))

    assert "It is a free organization" in page.text
    assert "/portal/sandboxes" in page.links()
    assert page.forms(path_of(made)) == []

    token = page.values(page.forms("/logout")[0])["csrf"]
    browser.post(path_of(made), {"csrf": token}, status=409)

    assert world.events(free, "authorization.requested") == []


def test_a_full_administrator_is_led_to_the_own_decision(browser, world, organization):
    admin = world.full_admin(organization, password=PASSWORD)
    made = world.service_app(admin, requested=False)
    page = browser.sign_in(admin).get(path_of(made))

    assert f"/hub/service-apps/{made.id}" in page.links()


def test_nobody_else_is_led_there(dana, world, developer):
    made = world.service_app(developer, requested=False)

    assert f"/hub/service-apps/{made.id}" not in dana.get(path_of(made)).links()


def test_an_authorized_app_says_who_authorized_it(dana, world, developer, organization):
    made = world.service_app(developer)
    world.authorize(made, world.full_admin(organization, name="Priya Raman"))
    page = dana.get(path_of(made))

    assert "Northwind Traders authorized this app" in page.text
    assert "By Priya Raman" in page.text
    assert page.forms(path_of(made)) == []
