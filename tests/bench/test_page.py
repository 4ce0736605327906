"""The page and the picture are written from the results alone, whatever is in them."""

from xml.etree import ElementTree as ET

import results
from bench.measured import begun, beside_hello, beside_peers, conditions, scaled, soaked
from picture import draw
from report import page
from results import Count, Counts, Missing, Phase, Pruning, Results, Searched, Searches


def everything():
    peers = beside_peers(Glewlwyd=(500, 1000))
    return Results(
        core=beside_hello(INTROSPECTION=40, REFRESH=200),
        peers=results.Compared(peers.conditions, peers.figures, [Missing("Authlib", "no network")]),
        scale=scaled({10_000: 100, 10_000_000: 101}),
        start=begun(0.7, 75.0),
        soak=soaked([(at, 140.0) for at in range(0, 310, 10)]),
        prune=Pruning(conditions(), 1000, 1000, 2.0, [Phase("before", 30.0, 500.0, 1.0, 5.0, 9.0)]),
        statements=Counts(conditions(), [Count("Key set", 1, 100, 0, 0)]),
        catalogue=Searches(conditions(), 100_000, 200, [Searched("tag", 1_000, 0, 1.0, 2.0, 3.0)]),
    )


def test_what_was_measured_survives_the_file(tmp_path):
    results.save(everything(), tmp_path / "latest.json")

    assert page(results.load(tmp_path / "latest.json")) == page(everything())


def test_a_page_without_results_says_that_nothing_was_measured():
    assert page(Results()).count("not measured") == 10


def test_the_page_names_who_is_missing_and_why():
    assert "Left out: Authlib (no network)." in page(everything())


def test_a_disturbed_measurement_is_told_in_bold():
    disturbed = Results(soak=results.Soak(conditions(0.8), 10.0, 10, [results.Memory(0.0, 100.0)]))

    assert "**Other work took 0.80 of 2 cores and disturbed the figures**" in page(disturbed)


def test_every_row_of_a_table_has_the_cells_that_its_heading_names():
    for table in page(everything()).split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]

        assert len({row.count(" | ") for row in rows}) <= 1, rows[0]


def test_the_picture_is_well_formed_and_tells_its_figures_in_words():
    drawn = ET.fromstring(draw(everything()))  # noqa: S314 – written a line above

    assert "Glewlwyd 500" in drawn.findtext("{http://www.w3.org/2000/svg}title", "")
    assert ET.fromstring(draw(Results())).tag.endswith("svg")  # noqa: S314


def test_a_longer_bar_stands_for_more_time():
    drawn = ET.fromstring(draw(Results(core=beside_hello(INTROSPECTION=40, REFRESH=200))))  # noqa: S314
    widths = [float(bar.get("width", "0")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]

    assert widths == sorted(widths)
    assert len(widths) == 3
