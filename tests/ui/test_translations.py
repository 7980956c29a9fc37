"""Every word of the interface is there in Russian, with its plural forms and its placeholders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils.translation import gettext, ngettext, override, pgettext

from config import catalogue

PLACEHOLDER = re.compile(r"%\(\w+\)s|%s|%%|\{\w*\}")
LANGUAGES = catalogue.languages()


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


def test_nothing_the_code_says_lacks_a_translation(language):
    assert catalogue.missing(language) == [], "run `make messages` and translate what is empty"


def test_a_missing_translation_would_be_noticed(language, tmp_path):
    (tmp_path / "new.py").write_text('_("A sentence that nobody has translated")\n')
    (tmp_path / "new.html").write_text('{% load i18n %}{% translate "Another one" %}')
    found = catalogue.gather([tmp_path / "new.py", tmp_path / "new.html"])
    words = {message.id for message in found if message.id}
    assert words == {"A sentence that nobody has translated", "Another one"}
    stored = catalogue.read(language)
    assert not any(word in stored for word in words)


def test_templates_are_read_as_django_reads_them(tmp_path):
    template = tmp_path / "page.html"
    template.write_text(
        "{% load i18n %}{% blocktranslate count n=rows|length with who='x' %}One \"row\" of {{ who }}"
        "{% plural %}{{ n }} rows, 5% of them it's{% endblocktranslate %}"
        '{% translate "May" context "month" %} {{ _("Shown") }} {% include "x" with a=_("Given") %}'
        "{% blocktranslate trimmed %}\n  Two\n  lines\n{% endblocktranslate %}{% comment %}{{ _('No') }}{% endcomment %}"
    )
    found = {message.id: message.context for message in catalogue.gather([template]) if message.id}
    assert found == {
        ('One "row" of %(who)s', "%(n)s rows, 5%% of them it's"): None,
        "May": "month",
        "Shown": None,
        "Given": None,
        "Two lines": None,
    }


def test_each_translation_keeps_its_placeholders_and_every_plural_form(language):
    stored = catalogue.read(language)
    for message in stored:
        if not message.id:
            continue
        one, *many = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(PLACEHOLDER.findall(many[0] if many else one))
        assert len(forms) == (stored.num_plurals if many else 1), message.id
        for form in forms[:-1] if many else forms:
            assert set(PLACEHOLDER.findall(form)) <= wanted, (message.id, form)
        assert set(PLACEHOLDER.findall(forms[-1])) == wanted, (message.id, forms[-1])
        assert one.startswith("\n") == forms[0].startswith("\n"), message.id
        assert one.endswith("\n") == forms[0].endswith("\n"), message.id


def test_what_nobody_says_any_more_is_gone(language):
    said = {(message.id, message.context) for message in catalogue.gather() if message.id}
    stored = {(message.id, message.context) for message in catalogue.read(language) if message.id}
    assert stored - said == set(), "run `make messages`"


def test_the_compiled_catalogue_speaks():
    with override("ru"):
        assert gettext("Nothing matches these filters") != "Nothing matches these filters"
        assert [ngettext("%(n)s question", "%(n)s questions", n) % {"n": n} for n in (1, 3, 5, 21)] == [
            "1 вопрос",
            "3 вопроса",
            "5 вопросов",
            "21 вопрос",
        ]
        assert pgettext("column", "Brief") == "Бриф"


def test_the_catalogue_has_no_dates_nor_line_numbers(language):
    text = Path(catalogue.path_of(language)).read_text()
    assert "Creation-Date" not in text
    assert not re.search(r"^#: .*:\d", text, re.MULTILINE)
