"""The automatic checks of names and scopes, and descriptions in Markdown: pure rules."""

import pytest

from appanage.apphub.checks import Severity, resembling, reserved_in, unexplained
from appanage.apphub.lookalikes import skeleton
from appanage.apphub.text import render_markdown
from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES

RESERVED = ["Webex", "Cisco", "official", "Control Hub", "App"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Payroll", "Рауroll"),  # Cyrillic Р, а, у
        ("Workforce Sync", "W0rkfοrce  Ѕync"),  # a zero, Greek ο, Cyrillic Ѕ
        ("IBM Notes", "lbm-nοtes"),
        ("Modern", "Modem"),
        ("Webex", "Ｗｅｂｅｘ"),  # full width
        ("Webex", "𝐖𝖾𝚋ℯ𝔁"),  # mathematical letters
        ("Café Bot", "cafe bot"),
        ("HELLO", "НЕLLО"),  # Cyrillic capitals
        ("Illinois", "1ll1no15"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str):
    """REG-12: UTS #39, beyond capitals, accents, blanks and punctuation."""
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("Payroll", "Payrolls"), ("Zoom", "Room"), ("東京", "京都")])
def test_different_names_have_different_ones(one: str, other: str):
    assert skeleton(one) != skeleton(other) != ""


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Webex Sync", "Webex"),
        ("WebexSync", "Webex"),
        ("W e b e x Sync", "Webex"),
        ("Wеbех Sync", "Webex"),
        ("The 0fficial Bot", "official"),
        ("Control-Hub Helper", "Control Hub"),
        ("My App", "App"),
    ],
)
def test_reserved_words_are_found_however_they_are_written(name: str, word: str):
    """REG-12."""
    (finding,) = reserved_in("name", name, RESERVED, Severity.STOPS)

    assert finding.stops
    assert f"“{word}”" in finding.sentence


@pytest.mark.parametrize("name", ["San Francisco Weather", "Appointments", "Remote Control", "Hub and Spoke"])
def test_a_reserved_word_inside_of_another_is_none(name: str):
    assert reserved_in("name", name, RESERVED, Severity.STOPS) == []


def test_the_same_name_is_for_the_reviewer_and_a_look_alike_stops():
    same, alike = resembling("Payroll", ["PAYROLL", "Рауroll"])

    assert not same.stops
    assert alike.stops


def test_every_scope_needs_a_reason_and_risky_ones_stop_without():
    scopes = ["spark-admin:people_write", "spark-admin:people_read", "spark:people_read"]
    findings = unexplained(scopes, {"spark-admin:people_read": "To compare."})

    assert [(one.stops, one.sentence) for one in findings] == [
        (True, "No reason is given for `spark-admin:people_write` (high risk)."),
        (False, "No reason is given for `spark:people_read` (low risk)."),
    ]


def test_descriptions_are_markdown_without_anything_that_could_harm():
    """Whatever a developer writes, it is shown on pages of everybody."""
    html = render_markdown(
        "# Title <b>\n\n<script>alert(1)</script>\n\n"
        "[good](https://sync.example/a?b=1&c=2) [bad](javascript:alert(1)) [plain](http://sync.example)\n"
        "[data](data:text/html;base64,AAAA) [user](https://a:b@sync.example) ![a <i>](https://sync.example/x.png)\n\n"
        '```py"><script>\ncode\n```\n'
    )

    assert "<h3>Title &lt;b&gt;</h3>" in html
    assert html.count("<a ") == 1
    assert '<a href="https://sync.example/a?b=1&amp;c=2" rel="nofollow noopener">good</a>' in html
    assert "<script" not in html
    assert "<img" not in html
    assert "a &lt;i&gt;" in html


def test_headings_begin_below_those_of_the_page_and_leave_none_out():
    html = render_markdown("### Deep\n\n# High\n\n###### Deepest\n\n## Middle\n")

    assert [html[at + 2] for at in range(len(html)) if html[at : at + 2] == "<h"] == ["3", "3", "4", "4"]


def test_the_closed_lists_can_stand_in_addresses():
    for key in (*CATEGORIES, *INDUSTRIES):
        assert key == key.lower()
        assert key.replace("-", "").isalpha()
    assert len(CATEGORIES) >= 20
    assert len(INDUSTRIES) >= 20
    assert {"en-US", "de-DE", "ja-JP"} <= set(LANGUAGES)
