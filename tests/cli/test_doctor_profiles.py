"""The doctor and the profile: its rules, every algorithm in use, and the modules that do the work (GOV-01, GOV-02)."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import appanage as package
from appanage.cli import administration, algorithms
from appanage.cli.console import Problem
from appanage.cli.doctor import Finding, examine
from appanage.cli.explanations import as_problems
from appanage.cli.opening import connected, settings_of
from appanage.deployment import Deployment, assemble
from appanage.kit import fips
from appanage.kit.fips import CryptographicModule, NotInFipsMode
from appanage.profiles import PasswordHash, ProfileName
from appanage.signin import service as signin
from appanage.signin.passwords import Passwords
from cli.program import appanage, on
from support.live import deployment_for, settings_for
from support.world import PASSWORD, World

NEW = "another four words entirely"
DEMANDED = {"APPANAGE_REQUIRE_FIPS": "true", "APPANAGE_PASSWORD_HASH": "pbkdf2-hmac-sha-256"}
IN_FIPS_MODE = all(module.is_in_fips_mode for module in fips.modules())


@pytest.fixture
def own(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A commercial deployment on a database of its own, on which commands of this process work too."""
    url = new_database()
    for name, value in (on(url) | {"APPANAGE_LOG_LEVEL": "warning"}).items():
        monkeypatch.setenv(name, value)
    made = deployment_for(url, "http://localhost:8080")
    made.prepare()
    yield made
    made.database.dispose()


@pytest.fixture
def fedramp(own: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """The same database in the other profile."""
    monkeypatch.setenv("APPANAGE_PROFILE", "fedramp")
    made = deployment_for(own.database.url, "http://localhost:8080", profile="fedramp")
    made.prepare()
    yield replace(made, passwords=Passwords(PasswordHash.PBKDF2, iterations=1000))
    made.database.dispose()


def found(subject: str) -> Finding:
    return next(finding for finding in examine(None) if finding.subject == subject)


def test_the_rules_of_the_commercial_profile_are_told(own: Deployment):
    told = found("profile")

    assert told.text == "commercial."
    assert told.details == [
        "Apps are made by any person, in the portal and through the API.",
        "There is an App Hub.",
        "Access tokens live 14 days.",
        "Refresh tokens live 90 days, renewed by each refresh.",
        "Personal tokens, also those of administrators, live 12 hours at most.",
        "Browser sessions end after 30 minutes without activity.",
        "Browser sessions end after 12 hours in any case.",
        "Outbound calls: to public hosts, and to the listed ones (none is listed).",
    ]


def test_the_rules_of_the_fedramp_profile_are_told(fedramp: Deployment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPANAGE_OUTBOUND_HOSTS", '["files.agency.example"]')
    told = found("profile")

    assert told.text == "fedramp."
    assert told.details == [
        "Apps are made by Full Administrators, through the API alone; nobody else changes them.",
        "There is no App Hub.",
        "Access tokens live 14 days.",
        "Refresh tokens live 60 days, renewed by each refresh.",
        "Personal tokens, also those of administrators, live 12 hours at most.",
        "Browser sessions end after 15 minutes without activity.",
        "Browser sessions end after 12 hours in any case.",
        "Outbound calls: to the listed hosts alone (files.agency.example).",
    ]


COMMON = [
    "sealing of signing keys and of secrets to be shown: AES-256-GCM",
    "keys derived from the secret key: HKDF-SHA-256",
    "forms, DPoP nonces and renewed refresh tokens: HMAC-SHA-256",
    "stored tokens, secrets and proofs: SHA-256",
    "PKCE, thumbprints of keys, hashes inside of tokens and proofs: SHA-256",
    "the connection to the database, by libpq: TLS and SCRAM-SHA-256",
    "the chain of the audit log, in PostgreSQL: SHA-256",
    "names of files and versions of documents: SHA-256",
    "outbound calls: TLS 1.2 or newer",
    "random values: the generator of the operating system",
]


def test_every_algorithm_of_the_commercial_profile_is_named(own: Deployment):
    assert found("algorithms").details == [
        "access tokens: ES256",
        "ID tokens: RS256",
        "clients' assertions and DPoP proofs: ES256, ES384, PS256, EdDSA, Ed25519",
        "passwords: Argon2id (19 MiB, 2 passes, 1 lane)",
        "older passwords, until their next use: PBKDF2-HMAC-SHA-256 (600,000 iterations)",
        *COMMON,
    ]


def test_the_fedramp_profile_names_approved_algorithms_alone(fedramp: Deployment):
    """GOV-02."""
    assert found("algorithms").details == [
        "access tokens: ES256",
        "ID tokens: PS256",
        "clients' assertions and DPoP proofs: ES256, ES384, PS256",
        "passwords: PBKDF2-HMAC-SHA-256 (600,000 iterations)",
        *COMMON,
    ]


def test_where_nothing_is_called_no_tls_is_named(fedramp: Deployment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPANAGE_OUTBOUND", "off")

    assert "outbound calls: TLS 1.2 or newer" not in found("algorithms").details
    assert found("profile").details[-1] == "Outbound calls: none."


# What each module that touches a primitive does with it. Who adds a module, or an algorithm to one, comes by here: is it
# in the table that the doctor shows?
WHAT_FOR = {
    "apphub/pictures.py": {algorithms.FILES},
    "apps/logos.py": {algorithms.FILES},
    "authorizations/clients.py": {algorithms.DIGESTS},
    "authorizations/proofs.py": {algorithms.DIGESTS},
    "authorizations/refresh_tokens.py": {algorithms.DIGESTS},
    "authorizations/tokens.py": {algorithms.KEYED_HASHES},
    "edge/protocol.py": {algorithms.DIGESTS},
    "edge/questions.py": {algorithms.DIGESTS},
    "kit/fips.py": set(),
    "kit/outbound/exchange.py": {algorithms.OUTBOUND},
    "kit/outbound/fetcher.py": {algorithms.OUTBOUND},
    "kit/outbound/network.py": {algorithms.OUTBOUND},
    "kit/sealing.py": {algorithms.SEALING, algorithms.DERIVED_KEYS},
    "kit/secrets.py": {algorithms.DIGESTS, algorithms.RANDOM},
    "kit/smtp.py": {algorithms.OUTBOUND},
    "oauth/access_tokens.py": {algorithms.ACCESS_TOKENS},
    "oauth/dpop.py": {algorithms.KEYED_HASHES, algorithms.HASHES_OF_STANDARDS},
    "oauth/id_tokens.py": {algorithms.ID_TOKENS, algorithms.HASHES_OF_STANDARDS},
    "oauth/jose.py": {algorithms.CLIENTS, algorithms.HASHES_OF_STANDARDS},
    "oauth/jwt.py": {algorithms.CLIENTS},
    "oauth/pkce.py": {algorithms.HASHES_OF_STANDARDS},
    "oauth/signing_keys.py": {algorithms.ACCESS_TOKENS, algorithms.ID_TOKENS},
    "signin/password_hashes.py": {algorithms.PASSWORDS, algorithms.OLDER_PASSWORDS},
    "web/apphub/listing.py": {algorithms.FILES},
    "web/oauth/documents.py": {algorithms.FILES},
    "web/oauth/logos.py": {algorithms.FILES},
    "web/pages.py": {algorithms.KEYED_HASHES},
    "web/portal/attempts.py": {algorithms.HASHES_OF_STANDARDS},
    "web/rendering.py": {algorithms.FILES},
    "web/visit.py": {algorithms.KEYED_HASHES},
}
IN_THE_DATABASE = {algorithms.AUDIT_LOG, algorithms.DATABASE}
PRIMITIVES = {"_hashlib", "argon2", "cryptography", "hashlib", "hmac", "joserfc", "ssl"}
HASHES = {"sha256", "pbkdf2_hmac"}

SOURCE = Path(package.__file__).parent


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def hashes_of(path: Path) -> set[str]:
    """The members of hashlib that a module uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "hashlib"
        ):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "hashlib":
            found |= {name.name for name in node.names}
    return found


def test_no_module_uses_a_primitive_that_the_doctor_does_not_name():
    """GOV-02: an algorithm cannot be added in silence."""
    modules = [path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts]
    using = {str(path.relative_to(SOURCE)) for path in modules if imports_of(path) & PRIMITIVES}
    made = settings_for(outbound="public")
    named = {use.purpose for use in algorithms.in_use(made, Passwords.of(made))}

    assert using == WHAT_FOR.keys()
    assert set().union(*WHAT_FOR.values(), IN_THE_DATABASE) == named
    assert set().union(*(hashes_of(path) for path in modules)) == HASHES


def test_the_modules_are_named_with_their_mode(own: Deployment):
    """GOV-01."""
    told = found("cryptographic modules")

    assert told.is_well
    assert [detail.partition(":")[0] for detail in told.details] == ["Python", "cryptography", "psycopg"]
    assert all("OpenSSL" in detail and "FIPS mode o" in detail for detail in told.details)


@pytest.mark.skipif(IN_FIPS_MODE, reason="this machine is in FIPS mode")
def test_the_setting_that_demands_the_mode_is_named(fedramp: Deployment):
    told = found("cryptographic modules")

    assert told.is_well
    assert told.text == "Not all run in FIPS mode; APPANAGE_REQUIRE_FIPS would demand it."


@pytest.mark.skipif(IN_FIPS_MODE, reason="this machine is in FIPS mode")
class TestWithoutTheModeThatIsDemanded:
    """GOV-01: start-up refuses to run when the provider is not in FIPS mode."""

    @pytest.mark.parametrize(
        "command",
        [("serve", "--port", "0"), ("migrate",), ("worker",), ("token", "create", "--account", "a")],
    )
    def test_nothing_starts(self, own: Deployment, command: tuple[str, ...]):
        ended = appanage(*command, environment=on(own.database.url) | DEMANDED)

        assert ended.returncode == 2
        assert ended.stderr.startswith(
            "Error: APPANAGE_REQUIRE_FIPS is set, but FIPS mode is off for Python (OpenSSL"
        )
        assert len(ended.stderr.splitlines()) == 1

    def test_no_deployment_is_assembled(self, database_url: str):
        with pytest.raises(NotInFipsMode):
            assemble(settings_for(require_fips=True, password_hash="pbkdf2-hmac-sha-256"), database_url)

    @pytest.mark.usefixtures("own")
    def test_the_doctor_says_so_and_stops(self, monkeypatch: pytest.MonkeyPatch):
        for name, value in DEMANDED.items():
            monkeypatch.setenv(name, value)

        assert [one.subject for one in examine(None) if not one.is_well] == ["cryptographic modules"]
        assert "signing keys" not in [one.subject for one in examine(None)]


def test_one_module_without_the_mode_is_enough():
    """GOV-01."""
    ours = CryptographicModule("Python", "OpenSSL 3.1.2", is_in_fips_mode=True)
    theirs = CryptographicModule("cryptography", "OpenSSL 4.0.3", is_in_fips_mode=False)

    fips.require([ours])
    with pytest.raises(NotInFipsMode, match=r"is off for cryptography \(OpenSSL 4\.0\.3\)\. Run"):
        fips.require([ours, theirs])


def test_passwords_that_the_profile_does_not_accept_are_counted(own: Deployment, fedramp: Deployment):
    """SES-03: after a change of the profile, with what to do."""
    organization = World(own).organization()
    lost = World(own).person(organization, password=PASSWORD)
    World(own).person(organization, password=PASSWORD)
    World(fedramp).person(organization, password=PASSWORD)

    assert str(found("passwords")) == (
        "problem  passwords: 2 are kept in ways that are not accepted in this profile. Nobody can sign in with them: set "
        "new ones with `appanage person set-password`."
    )

    administration.set_password_of(None, email=lost.email, password=NEW)

    assert "1 is kept in a way that is not accepted" in found("passwords").text


def test_the_doctor_is_content_with_both_kinds_in_the_commercial_profile(own: Deployment):
    both = replace(own, passwords=Passwords(PasswordHash.PBKDF2, iterations=1000))
    World(own).person(World(own).organization(), password=PASSWORD)
    World(both).person(World(own).organization(), password=PASSWORD)

    assert found("passwords").is_well


def test_an_operator_sets_a_password(own: Deployment):
    """SES-08: whatever the person is signed in with ends."""
    world = World(own)
    person = world.full_admin(world.organization(), password=PASSWORD)
    token = world.token(person)
    ended = appanage(
        "person", "set-password", person.email, environment=on(own.database.url), stdin=f"{NEW}\n"
    )

    assert ended.stdout == f"The password of {person.email} is set.\n"
    with own.transaction(world.origin) as tx:
        assert signin.sign_in(tx, person.email, NEW, passwords=own.passwords) is not None
        assert signin.sign_in(tx, person.email, PASSWORD, passwords=own.passwords) is None
        with pytest.raises(Exception, match="token"):
            own.verifier.caller_of(tx, token)
    [changed] = world.events(person.organization, "password.changed")[1:]
    assert changed.method == "command line"


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("nobody@nowhere.example", NEW, "There is no person with the address nobody@nowhere.example."),
        ("", "short", "The password has 5 characters"),
    ],
)
def test_what_cannot_be_set_is_told(own: Deployment, email: str, password: str, sentence: str):
    person = World(own).person(World(own).organization())

    with pytest.raises(Problem, match=sentence), as_problems():
        administration.set_password_of(None, email=email or person.email, password=password)


def test_after_a_change_of_the_profile_the_doctor_asks_for_the_missing_key(
    own: Deployment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("APPANAGE_PROFILE", ProfileName.FEDRAMP)
    before = found("signing keys")
    with connected(settings_of(None)) as changed:
        changed.prepare()

    assert before.text == "There is not one for each of ES256 and PS256 that signs now."
    assert before.advice == "Run `appanage migrate`."
    assert found("signing keys").is_well
