"""The operator's commands on a database of somebody else's."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from appanage.cli import administration
from appanage.cli.console import Problem
from appanage.cli.doctor import examine
from appanage.cli.explanations import as_problems
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.kit.ids import Kind
from appanage.kit.secrets import Prefix, is_well_formed
from appanage.signin import service as signin
from cli.program import appanage, on
from support.live import deployment_for
from support.world import PASSWORD, World


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What the commands read when they run in this process."""
    for name, value in on(database_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("APPANAGE_LOG_LEVEL", "warning")
    return monkeypatch


@pytest.fixture
def own(new_database: Callable[[], str], environment: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment on a database of its own, on which the commands work too."""
    url = new_database()
    environment.setenv("APPANAGE_DATABASE_URL", url)
    made = deployment_for(url, "http://localhost:8080")
    made.prepare()
    yield made
    made.database.dispose()


def test_the_first_administrator_of_a_new_organization(
    database_url: str, deployment: Deployment, world: World
):
    environment = on(database_url)
    name, email = f"Acme {uuid.uuid4()}", f"ada.{uuid.uuid4().hex}@acme.example"
    described = ["--first-name", "Ada", "--last-name", "Okafor", "--role", "full administrator"]

    organization = appanage("organization", "create", name, environment=environment)
    person = appanage(
        *["person", "create", "--organization", name.upper(), "--email", email, *described],
        *["--role", "id_compliance_officer", "--password-stdin"],
        environment=environment,
        stdin=f"{PASSWORD}\n",
    )
    token = appanage("token", "create", "--account", email, "--hours", "1", environment=environment)

    assert is_well_formed(token.stdout.removesuffix("\n"), Prefix.PERSONAL_TOKEN)
    assert "shown this once" in token.stderr
    with deployment.transaction(world.origin) as tx:
        made = directory.find_person_by_email(tx, email)
        assert made is not None
        caller = deployment.verifier.caller_of(tx, token.stdout.strip())
        assert caller.account.id == made.id
        assert signin.sign_in(tx, email, PASSWORD, passwords=deployment.passwords) is not None
    assert organization.stdout == f"{deployment.ids.encode(Kind.ORGANIZATION, made.organization_id)}\n"
    assert person.stdout == f"{deployment.ids.encode(Kind.PEOPLE, made.id)}\n"
    assert made.display_name == "Ada Okafor"
    assert made.roles == frozenset({Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER})
    assert "spark-admin:people_write" in caller.scopes
    created = world.events(made.organization, "account.created")
    assert [event.method for event in created] == ["command line"]
    assert created[0].actor_name.endswith(" at the command line")


def test_an_organization_is_named_by_id_when_its_name_is_not_enough(
    environment: pytest.MonkeyPatch, world: World
):
    name = f"Acme {uuid.uuid4()}"
    first, second = world.organization(name), world.organization(name)
    profile = Profile(f"{uuid.uuid4().hex}@acme.example", first_name="Ada")

    with pytest.raises(Problem, match=world.organization_id(first)):
        administration.create_person(None, profile, organization=name, roles=[], password=None)
    administration.create_person(
        None, profile, organization=world.organization_id(second), roles=[], password=None
    )

    assert len(world.events(first, "account.created")) == 0
    assert len(world.events(second, "account.created")) == 1


@pytest.mark.parametrize(
    ("email", "roles", "sentence"),
    [
        ("nobody", [], "nobody is not an e-mail address"),
        ("ada@acme.example", ["king"], "There is no role king. There are: Full Administrator, "),
        ("ada@acme.example", [], "There is no organization with the id or name Nowhere."),
    ],
)
def test_what_a_person_cannot_have_is_told(
    environment: pytest.MonkeyPatch, email: str, roles: list[str], sentence: str
):
    profile = Profile(email, first_name="Ada")

    with pytest.raises(Problem, match=sentence):
        administration.create_person(None, profile, organization="Nowhere", roles=roles, password=None)


@pytest.mark.parametrize(
    ("name", "plan", "sentence"),
    [
        (" ", "standard", "Enter a name."),
        ("Acme", "golden", "There is no plan golden. Choose one of: standard, free."),
    ],
)
def test_what_an_organization_cannot_have_is_told(
    environment: pytest.MonkeyPatch, name: str, plan: str, sentence: str
):
    with pytest.raises(Problem, match=sentence), as_problems():
        administration.create_organization(None, name=name, plan=plan)


@pytest.mark.parametrize(
    ("hours", "scopes", "sentence"),
    [
        (13, [], "at most 12 hours"),
        (1, ["spark-admin:people_read"], "needs another role"),
        (1, ["spark:all", "no:such"], "cannot have the scope no:such"),
    ],
)
def test_a_token_is_never_stronger_than_its_person(
    environment: pytest.MonkeyPatch, world: World, hours: int, scopes: list[str], sentence: str
):
    person = world.person(world.organization())

    with pytest.raises(Problem, match=sentence), as_problems():
        administration.create_token(None, email=person.email, hours=hours, scopes=scopes)


def test_nobody_gets_no_token(environment: pytest.MonkeyPatch):
    with pytest.raises(Problem, match=r"There is no person with the address nobody@nowhere\.example\."):
        administration.create_token(None, email="nobody@nowhere.example", hours=1, scopes=[])


def test_a_weak_password_makes_no_person(database_url: str, deployment: Deployment, world: World):
    organization = world.organization_id(world.organization())
    email = f"{uuid.uuid4().hex}@acme.example"

    ended = appanage(
        *["person", "create", "--organization", organization, "--email", email, "--first-name", "Ada"],
        "--password-stdin",
        environment=on(database_url),
        stdin="hunter2\n",
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: The password has 7 characters; it needs at least 15.")
    assert "hunter2" not in ended.stderr
    with deployment.transaction(world.origin) as tx:
        assert directory.find_person_by_email(tx, email) is None


def test_a_database_of_another_schema_is_changed_only_when_asked(new_database: Callable[[], str]):
    environment = on(new_database())

    refused = appanage("organization", "create", "Acme", environment=environment)
    migrated = appanage("migrate", environment=environment)
    created = appanage("organization", "create", "Acme", environment=environment)

    assert refused.returncode == 1
    assert refused.stderr.endswith("Run `appanage migrate` first.\n")
    assert (migrated.returncode, created.returncode) == (0, 0)


def test_a_new_signing_key_is_made_on_demand(own: Deployment):
    """TOK-14."""
    said = administration.rotate_keys(None)

    with own.transaction(World(own).origin) as tx:
        own.keys.load(tx)
    newest = {key["alg"]: key["kid"] for key in reversed(own.keys.public_keys())}
    assert [line.partition(" is published")[0] for line in said.splitlines()] == [
        f"The ES256 key {newest['ES256']}",
        f"The RS256 key {newest['RS256']}",
    ]


def test_an_altered_event_is_found(own: Deployment):
    """Whoever writes to the database past the platform cannot hide it."""
    organization = World(own).organization()
    before = administration.broken_links(None)
    with own.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE events SET actor_name = 'Nobody'"))

    ended = appanage("audit", "verify", environment=on(own.database.url))

    assert before == []
    assert ended.returncode == 1
    assert f"organization {organization.id}, event 1: it was altered" in ended.stdout
    assert ended.stderr.startswith("Error: The audit log was tampered with")
    assert [finding.subject for finding in examine(None) if not finding.is_well] == ["audit log"]


def test_the_doctor_finds_nothing_where_all_is_well(own: Deployment):
    ended = appanage("doctor", environment=on(own.database.url))

    assert ended.returncode == 0, ended.stdout
    lines = [line for line in ended.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} == {"ok"}
    assert [line[9:].partition(":")[0] for line in lines] == [
        "configuration",
        "profile",
        "algorithms",
        "cryptographic modules",
        "data folder",
        "database",
        "migrations",
        "signing keys",
        "passwords",
        "limits",
        "clock",
        "audit log",
        "demonstration",
    ]


def test_the_doctor_says_what_is_wrong_and_what_to_do(database_url: str):
    other_key = {"APPANAGE_SECRET_KEY": "another secret key that is long enough"}

    ended = appanage("doctor", environment=on(database_url) | other_key)

    assert ended.returncode == 1
    assert (
        "problem  signing keys: They were sealed under another secret key. Use the secret key" in ended.stdout
    )
    assert not ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "postgresql://127.0.0.1:1/x", "problem  database: The database cannot be used"),
        ("LOG_LEVEL", "loud", "problem  configuration: APPANAGE_LOG_LEVEL"),
        ("DATABASE_URL", "", "problem  database: There is none in the data folder yet."),
    ],
)
def test_the_doctor_stops_where_it_cannot_go_on(
    environment: pytest.MonkeyPatch, tmp_path, name: str, value: str, sentence: str
):
    environment.setenv(f"APPANAGE_{name}", value)

    findings = examine(tmp_path)

    assert str(findings[-1]).startswith(sentence)


def test_the_doctor_asks_for_missing_migrations(
    new_database: Callable[[], str], environment: pytest.MonkeyPatch
):
    environment.setenv("APPANAGE_DATABASE_URL", new_database())

    advice = "problem  migrations: The database is not at the present schema. Run `appanage migrate`."
    assert str(examine(None)[-1]) == advice


def test_the_doctor_finds_secrets_that_others_can_read(environment: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "secret-key").write_text("x" * 64)
    (tmp_path / "secret-key").chmod(0o644)

    assert any(f"Run `chmod 600 {tmp_path}/secret-key`." in str(finding) for finding in examine(tmp_path))


def test_the_organization_that_runs_the_platform_is_appointed_once(own: Deployment):
    administration.create_organization(None, name="Northwind Traders", plan="standard")
    reviewer = Profile("reviewer@northwind.example", first_name="Elin")
    with pytest.raises(Problem, match=r"There is no role App Reviewer in Northwind Traders\."), as_problems():
        administration.create_person(
            None, reviewer, organization="Northwind Traders", roles=["app reviewer"], password=None
        )
    administration.create_organization(None, name="Appanage", plan="standard", is_operator=True)
    with pytest.raises(Problem, match="Appanage runs this platform already"), as_problems():
        administration.appoint_organization(None, organization="Northwind Traders")
    with pytest.raises(Problem, match="Appanage runs this platform already"), as_problems():
        administration.create_organization(None, name="Contoso", plan="standard", is_operator=True)
    assert administration.appoint_organization(None, organization="appanage") == "Appanage"
    elin = Profile("elin@appanage.example", first_name="Elin")
    administration.create_person(
        None, elin, organization="Appanage", roles=["Operator", "id_app_reviewer"], password=None
    )

    with own.transaction(World(own).origin) as tx:
        made = directory.find_person_by_email(tx, "elin@appanage.example")
        assert made is not None
        assert made.runs_the_platform_as(Role.OPERATOR)
        assert directory.list_organizations_named(tx, "Contoso") == []  # nothing is left half done


def test_domains_are_vouched_for_listed_and_removed(own: Deployment):
    northwind = administration.create_organization(None, name="Northwind Traders", plan="standard")
    administration.create_organization(None, name="Contoso", plan="standard")

    assert administration.verify_domain(None, domain="Bücher.Example.", organization="northwind traders") == (
        "xn--bcher-kva.example"
    )
    administration.verify_domain(None, domain="northwind.example", organization=northwind)
    for domain, sentence in {
        "northwind.example": "verified for Northwind Traders",
        "localhost": "localhost is no domain",
    }.items():
        with pytest.raises(Problem, match=sentence), as_problems():
            administration.verify_domain(None, domain=domain, organization="Contoso")
    listed = administration.list_domains(None, organization=None)
    assert administration.list_domains(None, organization="Contoso") == []
    assert listed == [
        f"northwind.example  {northwind}  Northwind Traders",
        f"xn--bcher-kva.example  {northwind}  Northwind Traders",
    ]
    assert administration.remove_domain(None, domain="bücher.example") == "Northwind Traders"
    with pytest.raises(Problem, match=r"No organization has the verified domain xn--bcher-"), as_problems():
        administration.remove_domain(None, domain="bücher.example")
    assert administration.list_domains(None, organization="Northwind Traders") == listed[:1]


def test_the_commands_for_both_print_what_a_program_needs(own: Deployment):
    environment = on(own.database.url)
    made = appanage("organization", "create", "Appanage", "--operator", environment=environment)
    appointed = appanage("organization", "appoint", "Appanage", environment=environment)
    verified = appanage(
        "domain", "verify", "appanage.example", "--organization", "Appanage", environment=environment
    )
    listed = appanage("domain", "list", environment=environment)
    removed = appanage("domain", "remove", "appanage.example", environment=environment)

    assert appointed.stdout == "Appanage runs the platform.\n"
    assert verified.stdout == "appanage.example\n"
    assert listed.stdout == f"appanage.example  {made.stdout.strip()}  Appanage\n"
    assert (removed.stdout, removed.stderr) == ("", "It was a domain of Appanage.\n")
