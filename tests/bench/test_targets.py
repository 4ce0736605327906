"""The table of targets says what was measured, no better and no worse."""

import pytest

import targets
from bench.measured import begun, beside_hello, beside_peers, conditions, scaled
from results import Results, Searched, Searches
from targets import Bound, Verdict


def row(known, beginning):
    (found,) = [one for one in targets.rows(known) if one.figure.startswith(beginning)]
    return found


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (None, Verdict.UNKNOWN),
        (0.44, Verdict.NO),
        (0.45, Verdict.MUST_ONLY),
        (0.79, Verdict.MUST_ONLY),
        (0.80, Verdict.YES),
    ],
)
def test_a_figure_that_should_be_large_is_held_against_must_and_goal(value, verdict):
    assert Bound(value, 0.45, 0.80).verdict is verdict


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.2, Verdict.NO), (1.15, Verdict.MUST_ONLY), (1.05, Verdict.YES)]
)
def test_a_figure_that_should_be_small_is_held_against_must_and_goal(value, verdict):
    assert Bound(value, 1.15, 1.05, is_upper=True).verdict is verdict


def test_without_a_goal_the_must_is_all_there_is():
    assert Bound(20.0, 20.0).verdict is Verdict.YES


def test_what_was_not_measured_is_said_to_be_so():
    verdicts = {one.verdict for one in targets.rows(Results())}

    assert verdicts == {Verdict.UNKNOWN}


def test_the_share_of_hello_is_the_cpu_of_hello_over_ours():
    found = row(Results(core=beside_hello(INTROSPECTION=40)), "Introspection")

    assert found.measured == "0.50"
    assert found.verdict is Verdict.MUST_ONLY


def test_both_figures_against_a_peer_must_hold():
    quick_to_refresh = Results(peers=beside_peers(Glewlwyd=(190, 1000)))
    quick_at_both = Results(peers=beside_peers(Glewlwyd=(500, 1000)))

    assert row(quick_to_refresh, "Against Glewlwyd").measured == "19.0× / 10.0×"
    assert row(quick_to_refresh, "Against Glewlwyd").verdict is Verdict.NO
    assert row(quick_at_both, "Against Glewlwyd").verdict is Verdict.YES


def test_a_peer_that_is_missing_leaves_the_row_open_unless_the_other_one_fails_it():
    names = "Against django-oauth-toolkit"
    only_authlib = Results(peers=beside_peers(Authlib=(300, 1000)))
    slower = Results(peers=beside_peers(Authlib=(100, 1000)))

    assert row(only_authlib, names).verdict is Verdict.UNKNOWN
    assert row(slower, names).verdict is Verdict.NO


def test_scale_is_decided_by_the_sizes_that_the_target_names():
    whole = Results(scale=scaled({10_000: 100, 1_000_000: 180, 10_000_000: 110}))
    smaller = Results(scale=scaled({10_000: 100, 1_000_000: 101}))

    assert row(whole, "From 10 k").verdict is Verdict.MUST_ONLY
    assert row(smaller, "From 10 k").verdict is Verdict.UNKNOWN
    assert "1.01×" in row(smaller, "From 10 k").measured
    assert "from 10 k to 1 M" in row(smaller, "From 10 k").measured


def test_a_quick_start_does_not_make_up_for_memory():
    found = row(Results(start=begun(0.7, 125.0)), "Start")

    assert found.measured == "0.70 s; 125 MiB"
    assert found.verdict is Verdict.NO


def test_the_slowest_kind_of_search_decides_and_only_in_a_catalogue_of_that_size():
    slow, quick = Searched("tag", 1_000, 0, 1.0, 51.0, 60.0), Searched("word", 1_000, 0, 1.0, 2.0, 3.0)
    whole = Results(catalogue=Searches(conditions(), 100_000, 200, [quick, slow]))
    smaller = Results(catalogue=Searches(conditions(), 1_000, 200, [quick]))

    assert row(whole, "Catalogue search").verdict is Verdict.NO
    assert row(smaller, "Catalogue search").verdict is Verdict.UNKNOWN
    assert row(smaller, "Catalogue search").measured == "2.0 ms (1,000 apps)"
