"""Names and addresses that nobody may be sent to, whatever the platform itself fetches (REG-09, GOV-07)."""

import pytest

from appanage.kit.outbound import Fetcher, NotFetched, OutboundPolicy

LOCAL = [
    "localhost",
    "LOCALHOST",
    "intranet",
    "db.localhost",
    "local",
    "printer.local",
    "vault.prod.internal",
    "router.home.arpa",
]
ADDRESSES = ["127.0.0.1", "[::1]", "10.0.0.5", "169.254.169.254", "2130706433", "0x7f.1", "[::ffff:10.0.0.5]"]
ELSEWHERE = ["logo.example", "local.example", "localhost.example", "notlocal.example", "my-internal.example"]


@pytest.fixture(params=list(OutboundPolicy), ids=str)
def fetcher(request: pytest.FixtureRequest) -> Fetcher:
    """One of each policy, whose operator lists a host of one label and a name of their own network."""
    return Fetcher(OutboundPolicy(request.param), ["files", "files.prod.internal:8443"])


@pytest.mark.parametrize("host", [*LOCAL, *ADDRESSES])
def test_what_is_another_host_on_every_network_is_nobodys_address(fetcher: Fetcher, host: str):
    for port in ("", ":443", ":8443"):
        with pytest.raises(NotFetched):
            fetcher.check(f"https://{host}{port}/logo.png")


@pytest.mark.parametrize("host", ELSEWHERE)
def test_public_names_are_fine(fetcher: Fetcher, host: str):
    """Also where nothing is fetched from them, since whoever sees the app fetches for themselves."""
    fetcher.check(f"https://{host}/logo.png")


def test_what_the_operator_lists_is_fine_at_its_own_port(fetcher: Fetcher):
    fetcher.check("https://files/logo.png")
    fetcher.check("https://files.prod.internal:8443/logo.png")

    for url in ("https://files:8443/logo.png", "https://files.prod.internal/logo.png", "https://other/"):
        with pytest.raises(NotFetched):
            fetcher.check(url)


def test_a_name_of_the_inside_is_refused_in_the_words_for_one_that_is_not_there():
    """Nobody finds out by the answer which names there are."""
    asked: list[str] = []

    def resolve(host: str) -> list[object]:
        asked.append(host)
        raise OSError

    fetcher = Fetcher(OutboundPolicy.PUBLIC, [], resolve=resolve)  # type: ignore[arg-type]
    sentences = set()
    for host in ("intranet", "vault.internal", "nothing.example"):
        with pytest.raises(NotFetched) as refused:
            fetcher.get(f"https://{host}/logo.png", largest=1000)
        sentences.add(refused.value.sentence)

    assert sentences == {"The host cannot be reached on the public internet; check its name, or use another."}
    assert asked == ["nothing.example"]
