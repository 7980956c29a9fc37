"""The funnel's document follows its table."""

import pytest
from django.core.management import CommandError, call_command

from funnel import diagram
from funnel.stages import FACTS, MOVES, Stage


def test_the_document_in_the_repository_is_what_the_table_says(capsys) -> None:
    call_command("funnel_diagram", "--check")
    assert "up to date" in capsys.readouterr().out


def test_a_document_that_drifted_is_refused(settings, tmp_path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    with pytest.raises(CommandError, match=r"docs/funnel\.md differs"):
        call_command("funnel_diagram", "--check")
    call_command("funnel_diagram")
    call_command("funnel_diagram", "--check")
    (tmp_path / "docs" / "funnel.md").write_text("something else")
    with pytest.raises(CommandError):
        call_command("funnel_diagram", "--check")


def test_every_stage_move_and_fact_is_told() -> None:
    text = diagram.document()
    for name in (*Stage.values, *MOVES, *FACTS):
        assert f"`{name}`" in text


def test_the_document_is_english_whatever_the_language() -> None:
    from django.utils import translation

    with translation.override("ru"):
        assert diagram.document() == diagram.document()
        assert "Handed off" in diagram.document()
