"""Public ids, as clients of the platform know them."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, PublicIds

IDS = PublicIds()


def test_ids_are_those_of_the_platform():
    """Platform reference §4.4: the two published examples."""
    organization = uuid.UUID("96abc2aa-3dcc-11e5-a152-fe34819cdc9a")

    assert IDS.encode(Kind.ORGANIZATION, organization) == (
        "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi85NmFiYzJhYS0zZGNjLTExZTUtYTE1Mi1mZTM0ODE5Y2RjOWE"
    )
    assert IDS.encode(Kind.ROLE, "id_full_admin") == "Y2lzY29zcGFyazovL3VzL1JPTEUvaWRfZnVsbF9hZG1pbg"


@given(st.uuids(), st.sampled_from(Kind))
def test_every_id_reads_back_with_and_without_padding_and_bare(key: uuid.UUID, kind: Kind):
    public = IDS.encode(kind, key)

    assert IDS.decode(kind, public) == key
    assert IDS.decode(kind, public + "=" * (-len(public) % 4)) == key
    assert IDS.decode(kind, str(key)) == key
    assert not set(public) & set("+/-_=")


@pytest.mark.parametrize(
    "value",
    ["", "x", "not base64!", "Y2lzY29zcGFyaw", "\udcff", "a" * 5000, "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8"],
)
def test_what_is_no_id_is_nothing_that_exists(value: str):
    with pytest.raises(NotFound):
        IDS.decode(Kind.PEOPLE, value)


def test_an_id_of_another_kind_is_nothing_that_exists():
    with pytest.raises(NotFound):
        IDS.decode(Kind.PEOPLE, IDS.encode(Kind.ORGANIZATION, uuid.uuid4()))
