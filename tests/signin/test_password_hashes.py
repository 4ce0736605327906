"""How passwords are kept (checklist SES-03, SES-11, GOV-02)."""

import hashlib
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import pytest
from argon2 import PasswordHasher

from appanage.deployment import Deployment
from appanage.profiles import COMMERCIAL, FEDRAMP, PasswordHash
from appanage.signin import service as signin
from appanage.signin.model import Password
from appanage.signin.password_hashes import ITERATIONS, Argon2id, Hashing, Pbkdf2
from appanage.signin.passwords import Passwords
from support.live import settings_for
from support.world import PASSWORD, World

WRONG = "wrong password of some length"
QUICK = 1000

COMMERCIAL_OWN = Passwords(PasswordHash.ARGON2ID, accepts=COMMERCIAL.password_hashes, iterations=QUICK)
COMMERCIAL_PBKDF2 = Passwords(PasswordHash.PBKDF2, accepts=COMMERCIAL.password_hashes, iterations=QUICK)
FEDRAMP_OWN = Passwords(PasswordHash.PBKDF2, accepts=FEDRAMP.password_hashes, iterations=QUICK)


def test_argon2id_at_owasps_parameters():
    """SES-03."""
    assert COMMERCIAL_OWN.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert COMMERCIAL_OWN.words[0] == "Argon2id (19 MiB, 2 passes, 1 lane)"


def test_pbkdf2_with_hmac_sha_256_at_owasps_iterations():
    """SES-03, GOV-02: what a profile uses unless a test says otherwise."""
    hashed = Passwords.of(settings_for(profile="fedramp")).hash(PASSWORD)
    _, name, iterations, salt, output = hashed.split("$")
    expected = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b64decode(f"{salt}=="), 600_000)

    assert ITERATIONS == 600_000
    assert (name, iterations) == ("pbkdf2-sha256", "i=600000")
    assert len(b64decode(f"{salt}==")) == 16
    assert b64decode(f"{output}=") == expected
    assert Passwords.of(settings_for(profile="fedramp")).words == ["PBKDF2-HMAC-SHA-256 (600,000 iterations)"]


@pytest.mark.parametrize("passwords", [COMMERCIAL_OWN, FEDRAMP_OWN])
def test_no_text_is_too_strange_to_be_compared(passwords: Passwords):
    assert not passwords.matches(passwords.hash(PASSWORD), "\ud800\0")


@pytest.mark.parametrize("passwords", [COMMERCIAL_OWN, FEDRAMP_OWN])
def test_each_hash_has_a_salt_of_its_own(passwords: Passwords):
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


@pytest.mark.parametrize("old", [COMMERCIAL_OWN, FEDRAMP_OWN], ids=["Argon2id", "PBKDF2"])
@pytest.mark.parametrize("present", [COMMERCIAL_OWN, COMMERCIAL_PBKDF2], ids=["Argon2id", "PBKDF2"])
def test_the_commercial_profile_compares_both_kinds(old: Passwords, present: Passwords):
    hashed = old.hash(PASSWORD)

    assert present.matches(hashed, PASSWORD)
    assert not present.matches(hashed, WRONG)
    assert present.needs_rehash(hashed) == (present.hash("x")[:9] != hashed[:9])


def test_the_fedramp_profile_compares_pbkdf2_alone():
    """GOV-02."""
    assert not FEDRAMP_OWN.matches(COMMERCIAL_OWN.hash(PASSWORD), PASSWORD)
    assert FEDRAMP_OWN.matches(FEDRAMP_OWN.hash(PASSWORD), PASSWORD)


def test_other_parameters_are_noticed():
    """SES-03: they can be raised at the next sign-in."""
    weak_argon2 = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    weak_pbkdf2 = Passwords(PasswordHash.PBKDF2, iterations=QUICK - 1).hash(PASSWORD)

    for passwords, weak in [(COMMERCIAL_OWN, weak_argon2), (FEDRAMP_OWN, weak_pbkdf2)]:
        assert passwords.matches(weak, PASSWORD)
        assert passwords.needs_rehash(weak)
        assert not passwords.needs_rehash(passwords.hash(PASSWORD))


SALT, OUTPUT = "A" * 22, "A" * 43
UNUSABLE = [
    None,
    "",
    "nonsense",
    "$argon2id$v=19$m=19456,t=2,p=1$bad",
    "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + OUTPUT,
    "$argon2id$v=19$m=19456,t=2000,p=1$c29tZXNhbHRzb21lc2FsdA$" + OUTPUT,
    "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + OUTPUT,
    f"$pbkdf2-sha256$i=0${SALT}${OUTPUT}",
    f"$pbkdf2-sha256$i=999999999${SALT}${OUTPUT}",
    f"$pbkdf2-sha256$i={'9' * 5000}${SALT}${OUTPUT}",
    f"$pbkdf2-sha256$i=1000${SALT}$",
    f"$pbkdf2-sha256$i=1000$${OUTPUT}",
    f"$pbkdf2-sha256$i=1000${SALT}${OUTPUT}\n",
    f"$pbkdf2-sha1$i=1000${SALT}${OUTPUT}",
]


@pytest.mark.parametrize("hashed", UNUSABLE, ids=range(len(UNUSABLE)))
@pytest.mark.parametrize("passwords", [COMMERCIAL_OWN, FEDRAMP_OWN], ids=["commercial", "fedramp"])
def test_without_a_usable_hash_no_password_is_right_and_none_costs_more(
    passwords: Passwords, hashed: str | None
):
    """A row of the database that asks for hours of work or gigabytes is not believed."""
    before = time.process_time()

    assert not passwords.matches(hashed, PASSWORD)
    assert time.process_time() - before < 5  # what the rows ask for would take minutes
    assert hashed is None or passwords.needs_rehash(hashed)


@pytest.mark.parametrize(
    ("passwords", "somebodys", "nobodys"),
    [
        pytest.param(COMMERCIAL_OWN, COMMERCIAL_OWN.hash(PASSWORD), None, id="commercial, nobody"),
        pytest.param(
            Passwords(PasswordHash.PBKDF2, iterations=50_000),
            Passwords(PasswordHash.PBKDF2, iterations=50_000).hash(PASSWORD),
            None,
            id="fedramp, nobody",
        ),
        pytest.param(
            Passwords(PasswordHash.PBKDF2, iterations=50_000),
            Passwords(PasswordHash.PBKDF2, iterations=50_000).hash(PASSWORD),
            COMMERCIAL_OWN.hash(PASSWORD),
            id="fedramp, a hash that is not accepted",
        ),
    ],
)
def test_nobody_costs_as_much_as_somebody(passwords: Passwords, somebodys: str, nobodys: str | None):
    """SES-11: the time of a refusal does not tell whether the address exists."""
    passwords.matches(None, PASSWORD)

    def cost(hashed: str | None) -> float:
        began = time.process_time()
        passwords.matches(hashed, WRONG)
        return time.process_time() - began

    known, unknown = (median(cost(hashed) for _ in range(9)) for hashed in (somebodys, nobodys))

    assert 0.1 < unknown / known < 10  # a comparison that is left out costs a thousandth


@pytest.mark.parametrize(
    ("present", "older", "own"),
    [(COMMERCIAL_OWN, FEDRAMP_OWN, Argon2id), (COMMERCIAL_PBKDF2, COMMERCIAL_OWN, Pbkdf2)],
    ids=["Argon2id", "PBKDF2"],
)
def test_every_wrong_password_is_compared_in_the_present_way(
    monkeypatch: pytest.MonkeyPatch, present: Passwords, older: Passwords, own: type[Hashing]
):
    """SES-11: an older hash costs what another costs, so that a refusal tells of nobody how long they have been here."""
    hashes = [present.hash(PASSWORD), older.hash(PASSWORD), "nonsense", None]
    compared: list[str] = []
    matches = own.matches

    def counted(self: Hashing, hashed: str, password: str) -> bool:
        compared.append(password)
        return matches(self, hashed, password)

    monkeypatch.setattr(own, "matches", counted)

    for hashed in hashes:
        compared.clear()
        assert not present.matches(hashed, WRONG)
        assert compared == [WRONG]


@pytest.fixture
def stored(world: World) -> Callable[[object], str]:
    """The hash that the database holds for an account."""

    def read(account: object) -> str:
        with world.deployment.transaction(world.origin) as tx:
            row = tx.get(Password, account.id)  # type: ignore[attr-defined]
            assert row is not None
            return row.hash

    return read


def test_a_sign_in_renews_a_hash_of_the_other_kind(
    world: World, deployment: Deployment, stored: Callable[[object], str]
):
    """SES-03: after a change of APPANAGE_PASSWORD_HASH."""
    elsewhere = World(replace(deployment, passwords=FEDRAMP_OWN))
    person = elsewhere.person(elsewhere.organization(), password=PASSWORD)
    before = stored(person)
    with deployment.transaction(world.origin) as tx:
        signed_in = signin.sign_in(tx, person.email, PASSWORD, passwords=deployment.passwords)
        refused = signin.sign_in(tx, person.email, WRONG, passwords=deployment.passwords)

    assert signed_in is not None
    assert refused is None
    assert before.startswith("$pbkdf2-sha256$")
    assert stored(person).startswith("$argon2id$")


def test_a_password_of_the_commercial_profile_opens_nothing_in_fedramp(
    world: World, deployment: Deployment, stored: Callable[[object], str]
):
    """GOV-02, SES-11: it reads as any wrong password does, and stays what it was."""
    person = world.person(world.organization(), password=PASSWORD)
    before = stored(person)
    with deployment.transaction(world.origin) as tx:
        assert signin.sign_in(tx, person.email, PASSWORD, passwords=FEDRAMP_OWN) is None

    assert stored(person) == before
    assert len(world.events(person.organization, "signin.refused")) == 1
