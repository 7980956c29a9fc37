"""Charts stand where their numbers say: small inputs, coordinates worked out by hand."""

from __future__ import annotations

import json
import re

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from kpi import charts
from kpi.charts.bars import bars_drawing, columns_drawing
from kpi.charts.funnel import rates, weakest_step
from kpi.charts.heat import level, levels
from kpi.charts.line import trend_drawing
from kpi.charts.shapes import Path, Rect, room, text_width, thinned

from . import chart_gallery

USD = charts.Unit("money", "USD")


def point(value: float | None, **more: object) -> charts.TrendPoint:
    return charts.TrendPoint("May", "May 2026", value, **more)  # type: ignore[arg-type]


def paths(drawing: object, css: str) -> list[str]:
    return [s.d for s in drawing.shapes if isinstance(s, Path) and s.css == css]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 0, (0, 1)),
        (0, 3, (0, 1, 2, 3)),
        (0, 826_000, (0, 250_000, 500_000, 750_000, 1_000_000)),
        (-35, 100, (-50, 0, 50, 100)),
        (-8, -2, (-8, -6, -4, -2, 0)),
    ],
)
def test_ticks_are_round_and_cover_the_values_and_zero(low, high, ticks):
    assert charts.Unit().ticks(low, high) == ticks


def test_ticks_of_shares_and_minutes_are_what_people_count_in():
    assert charts.Unit("share").ticks(0, 0.44) == (0, 0.2, 0.4, 0.6)
    assert charts.Unit("minutes").ticks(0, 100) == (0, 30, 60, 90, 120)
    assert charts.Unit("share").ticks(0, 0.0004) == (0, 0.0001, 0.0002, 0.0003, 0.0004)


def test_labels_of_an_axis_are_short_and_true_in_both_languages():
    assert USD.tick_texts([0, 750_000, 1_000_000]) == ["$0", "$750K", "$1M"]
    assert USD.tick_texts([0, 2500, 5000, 7500]) == ["$0", "$2.5K", "$5K", "$7.5K"]
    assert charts.Unit("share").tick_texts([0, 0.025, 0.05]) == ["0%", "2.5%", "5%"]
    with translation.override("ru"):
        assert USD.tick_texts([750_000]) == ["750\xa0тыс.\xa0$"]


def test_the_longest_label_has_room():
    with translation.override("ru"):
        texts = USD.tick_texts([0, 750_000, 1_000_000])
    assert room(texts) >= 8 + text_width(max(texts, key=text_width))
    drawing = trend_drawing(charts.Trend([point(1_000_000_000), point(5)], USD), 340, 240)
    for word in drawing.words:
        if word.anchor == "end":
            assert word.x - text_width(word.text) >= 0


def test_a_trend_stands_where_its_numbers_say():
    drawing = trend_drawing(charts.Trend([point(0), point(2), point(4)], is_partial=False), 227, 144)
    # the labels 0 to 4 need 12 + 0.61 × 12 = 19; from there to 227 − 16 = 211; four steps of 25 from 114 to 14
    assert paths(drawing, "cur") == ["M19,114L115,64L211,14"]
    assert paths(drawing, "area") == ["M19,114L115,64L211,14L211,114L19,114Z"]
    assert [(hit.x, hit.w) for hit in drawing.hits] == [(19, 48), (67, 96), (163, 48)]


def test_the_running_month_is_dashed_to_a_hollow_end():
    drawing = trend_drawing(charts.Trend([point(0), point(2), point(4)]), 227, 144)
    assert paths(drawing, "cur") == ["M19,114L115,64"]
    assert paths(drawing, "cur tail") == ["M115,64L211,14"]
    assert [(s.x, s.y) for s in drawing.shapes if s.css == "end"] == [(211, 14)]


def test_nothing_is_drawn_across_a_gap():
    chart = charts.Trend([point(v) for v in (1, 2, None, 4, None, 4)], is_partial=False)
    drawing = trend_drawing(chart, 500, 200)
    assert len(paths(drawing, "cur")) == 1
    assert len([s for s in drawing.shapes if s.css == "cur alone"]) == 2


def test_a_month_after_a_gap_has_no_dashed_line_from_nowhere():
    assert not paths(trend_drawing(charts.Trend([point(1), point(None), point(4)]), 500, 200), "cur tail")


def test_an_estimate_fans_out_and_is_called_an_estimate():
    drawn = charts.trend(charts.Trend([point(1), point(2, estimate=charts.Estimate(3, 4, 5))]))
    assert len(paths(drawn.large, "fan")) == 1
    assert "Estimate 4; Likely between 3 – 5" in drawn.large.hits[1].name
    assert "Estimate" in drawn.table.head
    assert "Estimate" in [key.text for key in drawn.legend]


def test_a_change_is_good_or_bad_by_what_is_wanted():
    tips = {
        good: json.loads(charts.trend(charts.Trend([point(110, before=100)], good=good)).large.hits[0].tip)
        for good in ("up", "down")
    }
    assert (tips["up"]["d"], tips["up"]["g"], tips["down"]["g"]) == ("+10%", "up", "down")


def test_a_funnel_names_its_weakest_step():
    stages = [charts.FunnelStage(str(n), value) for n, value in enumerate([200, 100, 90, 30, 30])]
    assert rates(stages) == [None, 0.5, 0.9, pytest.approx(1 / 3), 1]
    assert weakest_step(stages) == 3
    drawn = charts.funnel(charts.Funnel(stages))
    assert drawn.insight == "Weakest step: 3, 33% of the stage before."
    assert [word.text for word in drawn.large.words if word.css == "rate weak"] == ["33%"]


def test_a_funnel_that_loses_nobody_has_no_weakest_step():
    assert weakest_step([charts.FunnelStage("a", 0), charts.FunnelStage("b", 0)]) is None
    assert weakest_step([charts.FunnelStage("a", 4), charts.FunnelStage("b", 5)]) is None
    assert charts.funnel(charts.Funnel([charts.FunnelStage("a", 0, 0)])).is_empty


def test_bars_below_zero_go_the_other_way():
    drawing = bars_drawing(charts.Bars([charts.Bar("a", 30), charts.Bar("b", -10)]), 400)
    up, down = (next(s for s in hit.shapes if isinstance(s, Rect)) for hit in drawing.hits)
    assert up.x == pytest.approx(down.x + down.w, abs=0.2)
    assert up.w == pytest.approx(3 * down.w, abs=0.4)


def test_a_stack_adds_up_and_hangs_what_is_negative():
    chart = charts.Columns([charts.Column("a", "a", [2, 2, -4])], ["x", "y", "z"], is_stacked=True)
    first, second, third = columns_drawing(chart, 300, 144).hits[0].shapes
    # ticks −4 to 4 over 100 units: 12.5 for one
    assert (first.y, first.h) == (39, 25)
    assert (second.y, second.h) == (14, 25)
    assert (third.y, third.h) == (64, 50)


def test_shades_run_from_the_lowest_to_the_highest():
    bounds = levels([0, 100])
    assert [level(value, bounds) for value in (0, 20, 21, 99, 100)] == [0, 0, 1, 4, 4]
    assert level(7, levels([7, 7])) == 0


def test_cohorts_say_that_they_mature():
    drawn = charts.cohort_grid(
        charts.CohortGrid([charts.Cohort("May", 40, [charts.Cell(0.2, 40, is_maturing=True)])], ["0", "1"])
    )
    assert drawn.large.hits[0].name == "May · 40, month 0: 20%; n 40; still maturing"
    assert drawn.legend[-1].text == "still maturing"
    assert drawn.table.rows[0].cells == ("40", "20% (n 40)", "—")


def test_a_sparkline_without_change_runs_through_the_middle():
    assert charts.sparkline(charts.Sparkline([5, 5, 5])).d == "M3,14L48,14L93,14"
    assert charts.sparkline(charts.Sparkline([None])).x is None
    assert charts.sparkline(charts.Sparkline([0, None, 9, 0])).d == "M63,3L93,25"


def test_a_plan_bar_is_behind_when_time_runs_faster():
    assert charts.plan_bar(charts.PlanBar(None)) is None
    behind, ahead = charts.plan_bar(charts.PlanBar(0.5, 0.6)), charts.plan_bar(charts.PlanBar(1.4, 0.6))
    assert (behind.fill, behind.mark, behind.is_behind) == (50, 60, True)
    assert (ahead.fill, ahead.is_behind) == (100, False)


def test_labels_are_thinned_from_the_last_back():
    assert thinned(["May"] * 12, 200) == list(range(12))
    assert thinned(["Mai"] * 5, 25) == [0, 2, 4]


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: charts.trend(charts.Trend([])),
        lambda: charts.bars(charts.Bars([])),
        lambda: charts.columns(charts.Columns([], ["x"])),
        lambda: charts.heat(charts.Heat(["Mon"], ["00"], [[None]])),
        lambda: charts.cohort_grid(charts.CohortGrid([], [])),
        lambda: charts.spread(charts.Spread([charts.Spell("a", "a", None, None, None, 0)])),
        lambda: charts.distribution(charts.Distribution([charts.Bucket("a", "a", 0)])),
        lambda: charts.funnel(charts.Funnel([])),
    ],
)
def test_without_data_a_sentence_stands_in_place_of_the_chart(drawn):
    html = render_to_string("_components/chart_panel.html", {"name": "x", "title": "X", "chart": drawn()})
    assert "no-chart" in html
    assert "chart large" not in html
    assert "data-png" not in html


@pytest.mark.parametrize("language", ["en", "ru"])
def test_geometry_is_written_for_machines_in_every_language(language):
    with translation.override(language):
        html = "".join(
            render_to_string("_components/chart_panel.html", {"name": name, "title": title, "chart": chart})
            for name, title, _css, chart in chart_gallery.panels()
        )
    for value in re.findall(r'\s(?:x|y|cx|cy|r|width|height)="([^"]*)"', html):
        assert re.fullmatch(r"-?\d+(\.\d+)?", value), value
    assert not re.search(r"style=|onclick=|nan|inf\b", html)
    for viewbox in re.findall(r'viewBox="([^"]*)"', html):
        assert len(viewbox.split()) == 4


def test_every_point_opens_its_rows_and_the_table_says_the_same():
    drawn = chart_gallery.trend()
    assert [hit.href for hit in drawn.large.hits] == [row.href for row in drawn.table.rows]
    for hit, row in zip(drawn.large.hits, drawn.table.rows, strict=True):
        assert f"This year {row.cells[0]}" in hit.name
