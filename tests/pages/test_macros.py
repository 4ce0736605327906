"""Macros, shells and error pages, each as valid and accessible HTML."""

import re
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import html5lib
import pytest
from jinja2 import UndefinedError
from jinja2.runtime import Macro

from appanage.web import rendering

NOW = datetime(2026, 11, 21, 14, 5, 9, 250_000, tzinfo=UTC)
VIEWER = SimpleNamespace(
    display_name="Dana Kim",
    email="dana@northwind.example",
    initials="DK",
    hue=3,
    organization_name="Northwind Traders",
    is_admin=True,
    is_developer=True,
)
SHELL = {
    "brand": SimpleNamespace(
        product="Acme",
        portal="Developer Portal",
        hub="Control Hub",
        apphub="App Hub",
        links=[("Help", "/help")],
    ),
    "viewer": VIEWER,
    "area": "portal",
    "areas": [("portal", "Developer Portal", "/portal/apps"), ("hub", "Control Hub", "/hub/service-apps")],
    "here": "apps",
    "nav": [
        ("", [("apps", "My apps", "apps", "/portal/apps", 2, False)]),
        ("Build", [("scopes", "Scopes", "list-search", "/x", 1, True)]),
    ],
    "csrf_token": "token-of-the-session",
    "nonce": "n0nce",
    "theme": "",
    "lang": "en",
    "dir": "ltr",
    "notices": [("ok", "Saved", "")],
    "path": "/portal/apps",
}
SCOPES = [
    {
        "id": "people:write",
        "text": "Change people",
        "risk": "high",
        "change": "new",
        "can": "Could lock out everyone.",
        "why": "Joiners",
    },
    {"id": "people:read", "text": "Read names", "risk": "low", "change": "dropped"},
]
CHOICES = [
    {"note": "11 operations", "on": True, "off": "", "why": "Joiners"},
    {"note": "", "on": False, "off": "Use an integration.", "why": ""},
]
GROUPS = [
    {
        "title": "People",
        "note": "Directory",
        "scopes": [scope | choice for scope, choice in zip(SCOPES, CHOICES, strict=True)],
    }
]

SAMPLES = {
    "account_chip": ["{{ ui.account_chip('Lena Vogt', 'lena@fabrikam.example', '/logos/1') }}"],
    "action_button": ["{{ ui.action_button('Stop', '/apps/1/stop', 'danger', fields={'reason': 'mail'}) }}"],
    "avatar": [
        "{{ ui.avatar('Workforce Sync') }}{{ ui.avatar('Dana', '/logos/1', 's') }}{{ ui.avatar('x', none, 'l', 2, 'DK') }}"
    ],
    "badge": ["{{ ui.badge('Draft') }}{{ ui.badge('Live', 'ok') }}{{ ui.badge('App', icon_name='robot') }}"],
    "btn": [
        "{{ ui.btn('Save', 'primary', 'check') }}",
        "{{ ui.btn('Open', href='/x?a=1&b=2', small=True) }}",
    ],
    "card": ["{% call ui.card('Title', 'Note', cls='flush', id='c', level=3) %}Text{% endcall %}"],
    "check": [
        "{{ ui.check('ack', 'I reviewed it', 'Hint', checked=True) }}",
        "{{ ui.check('ack', 'I reviewed it', 'Hint', 'Tick this.', required=True) }}",
    ],
    "checks": [
        "{{ ui.checks('events', 'Events', [('a', 'Created', ''), ('b', 'Changed', 'Note')], ['b']) }}",
        "{{ ui.checks('events', 'Events', [('a', 'Created', 'Note')], hint='Hint', error='Choose one.', required=True) }}",
    ],
    "choices": ["{{ ui.choices([('/new', 'robot', 'Bot', 'Acts as itself.')]) }}"],
    "code_block": ["{{ ui.code_block('curl', 'First call', 'curl --header \"A: <b>\"') }}"],
    "code_field": [
        "{{ ui.code_field('otp', 'Code', 'Hint', 'Wrong code.', attrs={'inputmode': 'numeric', 'autocomplete': 'one-time-code'}) }}"
    ],
    "copy_button": ["<p id='t'>Text</p>{{ ui.copy_button('t', 'the text') }}"],
    "copyfield": [
        "{{ ui.copyfield('cid', 'Client ID', 'C7f3', hint='Hint') }}{{ ui.copyfield('sec', 'Secret', 's', secret=True) }}"
    ],
    "csrf": ["<form>{{ ui.csrf() }}{{ ui.csrf('other') }}</form>"],
    "danger_zone": [
        "{{ ui.danger_zone([('Delete', 'All tokens stop.', ui.btn('Delete app…', 'danger', href='/x'))]) }}"
    ],
    "disclosure": ["{% call ui.disclosure('More', open=True) %}Text{% endcall %}"],
    "empty_state": [
        "{{ ui.empty_state('Nothing yet', 'Text', 'apps', ui.btn('Create', href='/new')) }}",
        "{% call ui.empty_state('No') %}x{% endcall %}",
    ],
    "error_summary": [
        "{{ ui.error_summary({'name': ['Too long.', 'No links.'], '': 'Choose.'}) }}{{ ui.field('name', 'Name') }}",
        "{{ ui.error_summary([('name', 'Too long.')]) }}{{ ui.field('name', 'Name') }}{{ ui.error_summary({}) }}",
    ],
    "facts": ["{{ ui.facts([('Created', ui.when(now)), ('By', 'Dana')], cols=True) }}"],
    "field": [
        "{{ ui.field('name', 'Name', value='A \"b\" <c>', hint='Hint', required=True) }}",
        "{{ ui.field('name', 'Name', error=['One.', 'Two.'], hint='Hint', placeholder='Here') }}",
        "{{ ui.field('q', 'Search', type='search', icon_name='search', hide_label=True) }}",
        "{{ ui.field('secret', 'Secret', type='password', value='hidden', reveal=True, id='own') }}",
        "{{ ui.field('logo', 'Logo', type='file', attrs={'accept': 'image/png'}) }}",
    ],
    "filter_bar": [
        "{% call ui.filter_bar(clear='/apps', attrs={'hx-get': '/apps'}) %}{{ ui.select('s', 'State', [('', 'Any')]) }}{% endcall %}"
    ],
    "form": ["{% call ui.form('/apps', guard='edits') %}{{ ui.submit_row('Save') }}{% endcall %}"],
    "hidden": ["{{ ui.hidden('a', 'b') }}"],
    "iconbtn": ["{{ ui.iconbtn('refresh', 'Reload', href='/x') }}{{ ui.iconbtn('trash', 'Delete') }}"],
    "media": [
        "{% call ui.media('Workforce Sync', '/logos/1') %}<a href='/x'>Workforce Sync</a>{% endcall %}"
    ],
    "meter": ["{{ ui.meter(106, 800, '106 of 800') }}"],
    "no_matches": ["{{ ui.no_matches('/apps', 'No app is called so.') }}"],
    "notice": [
        "{{ ui.notice('ok', 'Saved', 'Text') }}{{ ui.notice('info', 'Note') }}",
        "{% call ui.notice('bad', 'Failed') %}<p>x</p>{% endcall %}",
    ],
    "page_head": [
        "{{ ui.page_head('My apps') }}",
        "{{ ui.page_head('Sync', 'Text', [('My apps', '/apps')], ui.btn('New', href='/n'), 'Sync', badges=[('Live', 'ok')]) }}",
    ],
    "pager": [
        "{{ ui.pager('6 apps') }}",
        "{{ ui.pager('1–4 of 14', next='?page=2') }}",
        "{{ ui.pager('x', prev='?a', next='?b') }}",
        "{{ ui.pager('x', first='?') }}",
    ],
    "permission_list": [
        "{{ ui.permission_list([{'title': 'Read', 'detail': 'x', 'risk': 'low', 'new': true}, {'title': 'W', 'detail': '', 'risk': 'high', 'new': false}]) }}"
    ],
    "prose": ["<p>{{ ui.prose('You need `people:read` for <this>.') }}</p>"],
    "radios": [
        "{{ ui.radios('d', 'Outcome', [('y', 'Publish', 'At once.'), ('n', 'Reject', '')], 'n') }}",
        "{{ ui.radios('d', 'Outcome', [('y', 'Publish', 'At once.')], hint='Hint', error='Choose one.') }}",
    ],
    "required_note": ["{{ ui.required_note() }}"],
    "risk": ["{% call ui.risk('high', 1) %}<li>x</li>{% endcall %}"],
    "risk_badge": ["{{ ui.risk_badge('medium') }}"],
    "risk_counts": ["{{ ui.risk_counts(1, 2, 3) }}"],
    "scope": ["<ul>{% for s in scopes %}{{ ui.scope(s) }}{% endfor %}</ul>"],
    "scope_budget": ["{{ ui.scope_budget(106, 800, 7) }}", "{{ ui.scope_budget(806, 800, 40) }}"],
    "scope_chooser": ["{% call ui.scope_chooser(800) %}{{ ui.scope_budget(0, 800, 0) }}{% endcall %}"],
    "scope_list": ["{{ ui.scope_list(scopes) }}"],
    "scope_picker": ["{{ ui.scope_picker(groups, {'why:people:write': 'Say why.'}) }}"],
    "secret_once": [
        "{{ ui.secret_once('Save it now', [('id', 'ID', 'C7', False, ''), ('sec', 'Secret', 's3', True, 'Ends in s3')], '/next', filename='a.env') }}"
    ],
    "segment": ["{{ ui.segment('Show', [('All', '/a'), ('New', '/n')], 'All') }}"],
    "select": [
        "{{ ui.select('days', 'Valid for', [('', 'For ever'), (90, '90 days')], 90, hint='Hint') }}",
        "{{ ui.select('days', 'Valid for', [('', 'For ever')], error='Choose.', required=True) }}",
    ],
    "sparkline": ["{{ ui.sparkline([1, 5, 3]) }}"],
    "split": ["{% call(slot) ui.split() %}{{ slot }}{% endcall %}"],
    "stats": ["{{ ui.stats([('Calls', 5|number, '+8 %'), ('Errors', '0', '')]) }}"],
    "steps": ["{{ ui.steps([('Registered', 'now', 'done'), ('Asked', '', 'now'), ('Called', '', '')]) }}"],
    "submit_row": ["{{ ui.submit_row('Save', '/back') }}"],
    "switch": [
        "{{ ui.switch('on', 'Authorized', 'Hint', checked=True) }}",
        "{{ ui.switch('on', 'Authorized', error='You may not.') }}",
    ],
    "table": [
        """{% call ui.table('Apps', [('App', ''), ('Calls', 'num desc', '?sort=calls'), ('By', '', '?sort=by'), ('Do', 'sr')], id='list') %}
        <tr><th scope='row'>a</th><td>1</td><td>b</td><td></td></tr>{% endcall %}""",
    ],
    "table_card": [
        "{% call ui.table_card('Apps', [('App', '')], filters='', empty='None yet.') %}{% endcall %}"
    ],
    "tabs": ["{{ ui.tabs('Sections', [('Overview', '/o', none), ('Scopes', '/s', 7)], 'Scopes') }}"],
    "textarea": [
        "{{ ui.textarea('about', 'About', '\n<one>', 'Hint') }}",
        "{{ ui.textarea('about', 'About', none, error='Too long.', required=True) }}",
    ],
    "tile": ["{{ ui.tile('Sync', '/apps/1', 'Northwind', 'Text', [('Bot', '')], '/logos/1') }}"],
    "timeline": ["{{ ui.timeline([{'who': 'Dana', 'what': 'asked', 'at': now}]) }}"],
    "when": ["{{ ui.when(now) }}{{ ui.when(now, now) }}"],
    "wizard": ["{{ ui.wizard(['About', 'Scopes'], 2) }}"],
}


@pytest.fixture(scope="module")
def env():
    return rendering.environment()


@pytest.fixture(scope="module")
def page(env):
    """Renders a source as the content of a console page, or as it is."""

    def render(source, layout="layout.html", **context):
        whole = source
        if layout:
            whole = (
                f"{{% extends {layout!r} %}}{{% import 'ui.html' as ui with context %}}"
                f"{{% block title %}}Title{{% endblock %}}{{% block content %}}<h1>Title</h1>{source}{{% endblock %}}"
            )
        return env.from_string(whole).render(
            SHELL | {"now": NOW, "scopes": SCOPES, "groups": GROUPS} | context
        )

    return render


def parse(html):
    """The document, or an error at the first thing that is not valid HTML5."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)


def visible_controls(document):
    return [
        e for tag in ("input", "select", "textarea") for e in document.iter(tag) if e.get("type") != "hidden"
    ]


def names_of(control, document):
    label = next(
        (e for e in document.iter("label") if e.get("for") == control.get("id") or control in e.iter()), None
    )
    return control.get("aria-label") or (label is not None and "".join(label.itertext()).strip())


def check_page(html):
    document = parse(html)
    ids = Counter(e.get("id") for e in document.iter() if isinstance(e.tag, str) and e.get("id"))
    references = [
        reference
        for e in document.iter()
        if isinstance(e.tag, str)
        for attribute in (
            "aria-describedby",
            "aria-labelledby",
            "for",
            "data-copy",
            "data-reveal",
            "popovertarget",
        )
        for reference in (e.get(attribute) or "").split()
    ]
    anchors = [href[1:] for e in document.iter("a") if (href := e.get("href", "")).startswith("#")]
    assert [name for name, count in ids.items() if count > 1] == []
    assert [name for name in references + anchors if name not in ids] == []
    assert [
        c.get("id") or c.get("name") for c in visible_controls(document) if not names_of(c, document)
    ] == []
    assert [
        b.get("class")
        for b in document.iter("button")
        if not ("".join(b.itertext()).strip() or b.get("aria-label"))
    ] == []
    assert [
        f.get("action")
        for f in document.iter("form")
        if f.get("method") == "post" and "token-of-the-session" not in csrf_of(f)
    ] == []
    return document


def csrf_of(form):
    return [e.get("value") for e in form.iter("input") if e.get("name") == "csrf"]


def test_every_macro_has_a_sample(env):
    module = env.get_template("ui.html").make_module(SHELL)

    assert {name for name, value in vars(module).items() if isinstance(value, Macro)} == set(SAMPLES)


@pytest.mark.parametrize(
    "source",
    [pytest.param(s, id=f"{name}-{n}") for name, all_ in SAMPLES.items() for n, s in enumerate(all_)],
)
def test_a_macro_renders_valid_html_with_unique_ids_and_labelled_controls(page, source):
    check_page(page(source))


@pytest.mark.parametrize(
    "source",
    [
        "{{ ui.field('x', 'X', error='Wrong.', hint='Hint.') }}",
        "{{ ui.field('x', 'X', type='password', error=['Wrong.'], hint='Hint.') }}",
        "{{ ui.textarea('x', 'X', error='Wrong.', hint='Hint.') }}",
        "{{ ui.select('x', 'X', [('a', 'A')], error='Wrong.', hint='Hint.') }}",
        "{{ ui.check('x', 'X', error='Wrong.', hint='Hint.') }}",
        "{{ ui.switch('x', 'X', error='Wrong.', hint='Hint.') }}",
        "{{ ui.radios('x', 'X', [('a', 'A', '')], error='Wrong.', hint='Hint.') }}",
        "{{ ui.code_field('x', 'X', error='Wrong.', hint='Hint.') }}",
    ],
)
def test_an_error_and_a_hint_describe_their_control(page, source):
    document = parse(page(source))

    described = next(e for e in document.find("body/main").iter() if e.get("aria-describedby"))
    texts = {
        e.get("id"): "".join(e.itertext()).strip()
        for e in document.iter()
        if isinstance(e.tag, str) and e.get("id")
    }

    assert [texts[name] for name in described.get("aria-describedby").split()] == ["Wrong.", "Hint."]
    assert described.get("aria-invalid") == "true"


def test_an_error_summary_leads_to_the_controls(page):
    html = page(
        "{{ ui.error_summary({'d': 'Choose one.'}) }}{{ ui.radios('d', 'Outcome', [('y', 'Yes', '')]) }}"
    )

    assert '<a href="#f-d">Choose one.</a>' in html
    assert "There is 1 problem" in html
    check_page(html)


def test_required_controls_are_marked(page):
    html = page("{{ ui.field('x', 'X', required=True) }}{{ ui.field('y', 'Y') }}")

    assert html.count('<span class="req" aria-hidden="true">*</span>') == 1
    assert len([e for e in parse(html).iter("input") if e.get("required") is not None]) == 1


def test_a_secret_is_never_filled_in_again(page):
    html = page("{{ ui.field('s', 'Secret', type='password', value='hunter2') }}")

    assert "hunter2" not in html


def test_a_select_keeps_its_value_whatever_its_type(page):
    document = parse(page("{{ ui.select('d', 'Days', [('', 'None'), (90, '90 days')], '90') }}"))

    assert [o.get("value") for o in document.iter("option") if o.get("selected") is not None] == ["90"]


def test_a_textarea_keeps_leading_line_breaks(page):
    document = parse(page("{{ ui.textarea('t', 'Text', '\n\nlast') }}"))

    assert next(document.iter("textarea")).text == "\n\nlast"


def test_what_people_wrote_is_escaped_everywhere(page):
    evil = "<script>alert(1)</script>\"'><b onload=x>"
    calls = (
        "page_head(x, x, [(x, x)], badges=[(x, 'ok')])",
        "notice('ok', x, x)",
        "field('a', x, value=x, hint=x, error=x)",
    )
    more = (
        "copyfield('c', x, x)",
        "code_block('d', x, x)",
        "facts([(x, x)])",
        "avatar(x, x)",
        "prose(x)",
        "scope({'id': x, 'text': x, 'why': x})",
    )
    html = page("".join(f"{{{{ ui.{call} }}}}" for call in (*calls, *more)), x=evil)

    assert "<script>alert" not in html
    assert "<b onload" not in html


def test_htmx_attributes_get_the_nonce_they_are_gated_by(page):
    html = page("{{ ui.btn('More', attrs={'hx-get': '/more', 'hx-target': '#list'}) }}<p id='list'></p>")

    assert 'hx-get="/more" hx-target="#list" hx-nonce="n0nce"' in html


@pytest.mark.parametrize("name", ["style", "onclick", "a b", "x=y", "A"])
def test_attributes_that_the_policy_forbids_are_refused(page, name):
    with pytest.raises(ValueError, match="Pages may not set"):
        page("{{ ui.btn('Go', attrs={name: 'x'}) }}", name=name)


def test_false_and_missing_attributes_are_left_out(env):
    html = env.from_string("<p{{ {'a': false, 'b': none, 'hidden': true, 'c': ''}|attributes }}>").render()

    assert html == '<p hidden c="">'


@pytest.mark.parametrize("layout", ["layout.html", "auth_layout.html"])
def test_a_shell_is_a_valid_page(page, layout):
    check_page(page("<p>Text</p>", layout=layout))


def test_the_console_shell_loads_its_scripts_in_order_under_the_nonce(page):
    scripts = list(parse(page("")).iter("script"))

    assert [re.sub(r"\?.*", "", s.get("src")) for s in scripts] == [
        "/static/vendor/htmx.min.js",
        "/static/vendor/hx-csp.min.js",
        "/static/console.js",
    ]
    assert [s.get("defer") is not None for s in scripts] == [False, False, True]
    assert {s.get("nonce") for s in scripts} == {"n0nce"}


def test_the_sign_in_shell_has_no_script(page):
    assert "<script" not in page("", layout="auth_layout.html")


def test_the_shell_shows_where_the_viewer_is(page):
    document = parse(page(""))

    assert [a.text for a in document.iter("a") if a.get("aria-current") == "true"] == ["Developer Portal"]
    assert ["".join(a.itertext()) for a in document.iter("a") if a.get("aria-current") == "page"] == [
        "My apps2"
    ]


def test_the_account_menu_signs_out_and_changes_the_theme_with_plain_forms(page):
    forms = {f.get("action"): f for f in parse(page("", theme="dark")).iter("form")}

    assert set(forms) == {"/account/theme", "/logout"}
    assert [b.get("value") for b in forms["/account/theme"].iter("button")] == ["", "light", "dark"]
    assert [
        b.get("value") for b in forms["/account/theme"].iter("button") if b.get("aria-pressed") == "true"
    ] == ["dark"]
    assert [i.get("value") for i in forms["/account/theme"].iter("input") if i.get("name") == "next"] == [
        "/portal/apps"
    ]


def test_a_stranger_sees_no_account_menu_but_may_sign_in(page):
    html = page("", viewer=None, nav=[], areas=[])

    assert "/logout" not in html
    assert 'href="/login"' in html


def test_the_footer_and_the_accent_appear_only_when_given(page):
    plain = page("", brand=SimpleNamespace(product="Acme"))
    branded = page(
        "",
        brand=SimpleNamespace(
            product="Acme", accent="#aa3300", logo_url="/logo", links=[("Terms", "/terms")]
        ),
    )

    assert "<footer" not in plain
    assert "/brand.css" not in plain
    assert '<a href="/terms">Terms</a>' in branded
    assert "/brand.css?v=aa3300" in branded
    assert '<img src="/logo"' in branded


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 418, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("viewer", [VIEWER, None])
def test_an_error_page_says_what_happened_and_carries_the_incident_number(env, status, viewer):
    html = rendering.render(
        env, "error.html", SHELL | {"viewer": viewer, "status": status, "tracking_id": "APN_1"}
    )
    document = check_page(html)

    heading = "".join(next(document.iter("h1")).itertext())

    assert heading in next(document.iter("title")).text
    assert f"Status {status} · Incident APN_1" in html
    assert ("<script" in html) is (viewer is not None)


def test_an_error_page_prefers_what_it_is_told(env):
    told = {
        "message": "You need the `Compliance Officer` role.",
        "advice": "Ask Priya.",
        "links": [("Roles", "/hub/roles")],
    }
    html = rendering.render(env, "error.html", SHELL | {"status": 403, "tracking_id": "APN_1"} | told)

    assert "Ask Priya." in html
    assert 'href="/hub/roles"' in html
    assert "does not have the role" not in html


def test_an_error_page_names_the_time_to_come_back(env):
    html = rendering.render(
        env, "error.html", SHELL | {"status": 429, "tracking_id": "APN_1", "retry_at": NOW}
    )

    assert "Try again after 21 Nov 2026, 14:05 UTC." in html


def test_a_value_that_a_page_forgot_is_an_error(page):
    with pytest.raises(UndefinedError):
        page("{{ no_such_value }}")
