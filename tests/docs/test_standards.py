"""The list of standards: nothing is said to be implemented without a test, and none that the code follows is missing."""

import re
from pathlib import Path

import pytest

from standards import STANDARDS, Module, Standard, State, modules_of_tests, proofs

SOURCES = Path(__file__).parents[2] / "src" / "appanage"
PROTOCOL = [
    path
    for folder in ("oauth", "web/oauth", "authorizations")
    for path in sorted((SOURCES / folder).rglob("*.py"))
]
# Of URLs, HTTP and mail, which everything here is built on.
BENEATH = {"RFC 3986", "RFC 5321", "RFC 9110"}


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return modules_of_tests()


@pytest.mark.parametrize(
    "standard", [one for one in STANDARDS if one.is_here], ids=lambda standard: standard.name
)
def test_what_is_said_to_be_implemented_has_a_test(standard: Standard, modules: list[Module]):
    assert list(proofs(standard, modules))


def test_what_is_left_out_is_explained():
    unexplained = [
        one.name for one in STANDARDS if one.state is not State.IMPLEMENTED and not one.remark.endswith(".")
    ]

    assert unexplained == []


def test_every_standard_that_the_protocol_cites_is_listed():
    cited = {name for path in PROTOCOL for name in re.findall(r"RFC \d{4}", path.read_text(encoding="utf-8"))}

    assert cited - BENEATH <= {one.name for one in STANDARDS}


def test_every_standard_is_listed_once():
    names = [one.name for one in STANDARDS]

    assert len(names) == len(set(names))
