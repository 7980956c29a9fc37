"""A field says what it is, what is wrong with it, and ties the two together."""

from __future__ import annotations

import re

import pytest
from django import forms
from django.template import Context, Template

from funnel.forms import RowsField


class Line(forms.Form):
    item = forms.CharField(label="Item")
    price = forms.DecimalField(label="Price", min_value=0)
    due = forms.DateField(label="Due", required=False)


class Card(forms.Form):
    name = forms.CharField(label="Name", help_text="As on the contract.")
    met_at = forms.DateTimeField(label="Met at", required=False)
    agreed = forms.BooleanField(label="Agreed", required=False)
    verdict = forms.ChoiceField(
        label="Verdict", choices=[("y", "Yes"), ("n", "No")], widget=forms.RadioSelect
    )
    lines = RowsField(Line, label="Lines", required=False)
    seq = forms.IntegerField(widget=forms.HiddenInput, required=False)


def draw(source: str, form: forms.Form) -> str:
    return Template("{% load ui %}" + source).render(Context({"form": form}))


def test_label_help_and_fault_belong_to_the_control():
    html = draw("{% form_field form.name %}", Card({}))
    control = re.search(r"<input[^>]+>", html)[0]
    assert 'id="id_name"' in control
    assert '<label for="id_name">Name' in html
    assert 'aria-describedby="id_name_help id_name_error"' in control
    assert 'aria-invalid="true"' in control
    assert 'id="id_name_help">As on the contract.' in html
    assert 'id="id_name_error"' in html


def test_a_field_without_fault_says_nothing_of_one():
    html = draw("{% form_field form.met_at %}", Card())
    assert "aria-invalid" not in html
    assert "_error" not in html
    assert "(optional)" in html


def test_a_moment_is_picked_and_comes_back_as_it_was_given():
    html = draw("{% form_field form.met_at %}", Card({"met_at": "2026-03-02T09:30"}))
    assert 'type="datetime-local"' in html
    assert 'value="2026-03-02T09:30"' in html
    given = Card({"name": "A", "verdict": "y", "met_at": "2026-03-02T09:30"})
    assert given.is_valid(), given.errors
    assert given.cleaned_data["met_at"].isoformat() == "2026-03-02T09:30:00+00:00"


def test_choices_stand_under_a_legend():
    html = draw("{% form_field form.verdict %}", Card())
    assert re.search(r"<fieldset.*<legend>Verdict</legend>", html, re.DOTALL)
    assert html.count('type="radio"') == 2


def test_further_arguments_become_attributes_of_the_control():
    html = draw('{% form_field form.name hx_get="/x/" autofocus=True %}', Card())
    assert 'hx-get="/x/"' in html
    assert "autofocus" in html


def test_named_fields_are_drawn_without_the_others_and_without_the_hidden_ones():
    html = draw('{% form_fields form "name" %}', Card())
    assert "id_name" in html
    assert "verdict" not in html
    assert 'type="hidden"' not in html
    assert 'type="hidden"' in draw("{% form_fields form %}", Card())


def test_the_summary_links_to_each_fault():
    html = draw("{% error_summary form %}", Card({}))
    assert 'href="#id_name"' in html
    assert "2 things to mend" in html
    assert draw("{% error_summary form %}", Card()).strip() == ""


def test_rows_show_three_empty_ones_and_need_no_script():
    html = draw("{% form_field form.lines %}", Card())
    assert [f"lines-{index}-item" in html for index in range(4)] == [True, True, True, False]
    assert 'type="date" name="lines-0-due"' in html
    assert html.count("data-rows-tool hidden") == 5  # head, three rows, foot: the script shows them


def test_a_fault_in_a_row_marks_its_cell():
    form = Card({"name": "A", "verdict": "y", "lines-0-item": "Audit", "lines-0-price": "-5"})
    html = draw("{% form_field form.lines %}", form)
    wrong = re.search(r'<td[^>]*data-invalid[^>]*><input[^>]*name="([^"]+)"[^>]*aria-invalid="true"', html)
    assert wrong[1] == "lines-0-price"
    assert html.count("data-invalid") == 1
    assert "Row 1, Price" in html


@pytest.mark.parametrize("words", ['"><script>alert(1)</script>', "{{ 7|add:770 }}"])
def test_what_people_type_stays_text(words):
    form = Card({"name": words, "verdict": words, "lines-0-item": words})
    html = draw("{% error_summary form %}{% form_fields form %}", form)
    assert "<script>" not in html
    assert "777" not in html
