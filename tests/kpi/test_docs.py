"""The guide for users tells what each figure is."""

from pathlib import Path

from django.conf import settings

from kpi.metrics import METRICS


def test_every_figure_is_explained_in_the_guide_in_the_same_words() -> None:
    guide = (Path(settings.BASE_DIR) / "docs" / "kpi.md").read_text()
    missing = [m.key for m in METRICS if f"| `{m.key}` | {m.definition} |" not in guide]
    assert missing == []
