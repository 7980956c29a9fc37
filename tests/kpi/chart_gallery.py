"""Every chart alive on one page of the tests' own, with what real figures do: gaps, zeros, negatives, very large."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.utils.translation import get_language

from config import urls
from kpi import charts

PAGE = """{% extends "base.html" %}{% load static %}
{% block title %}Charts{% endblock %}{% block heading %}Charts{% endblock %}
{% block scripts %}<script defer src="{% static "js/charts.js" %}"></script>{% endblock %}
{% block content %}
<div class="stats"><div class="stat"><h2>Leads</h2><p class="big"><b>199</b>{% include "_components/charts/sparkline.html" with spark=spark %}</p>
{% include "_components/charts/plan.html" with plan=plan %}</div></div>
<div class="panels">{% for name, title, css, chart in panels %}
{% include "_components/chart_panel.html" with definition="What this counts." period="1 Nov – 23 Nov 2026" csv_url="/rows.csv" xlsx_url="/rows.xlsx" %}
{% endfor %}</div>{% endblock %}"""
MONTHS = {
    "en": ["Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"],
    "ru": ["дек", "янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя"],
}
STAGES = {
    "en": ["Application", "Brief", "Handoff", "Demo", "Proposal", "Contract"],
    "ru": ["Заявка", "Бриф", "Передача в продажи", "Демонстрация", "Предложение", "Договор"],
}
COLOURS = ["application", "brief", "handoff", "demo", "proposal", "contract"]


def months() -> list[str]:
    return MONTHS[get_language() or "en"]


def trend(**changes: Any) -> charts.Drawn:
    values = [793, 597, 538, 530, 826, 602, 723, 595, None, 664, 789, 916]
    before = [463, 367, 297, 356, 331, 592, 435, 595, 577, 458, 402, 747]
    points = [
        charts.TrendPoint(
            month,
            f"{month} 2026",
            value and value * 1000,
            then * 1000,
            then * 1150,
            f"/rows/?month={index}",
            charts.Estimate(950_000, 1_080_000, 1_210_000) if index == 11 else None,
            is_odd=index == 4,
        )
        for index, (month, value, then) in enumerate(zip(months(), values, before, strict=True))
    ]
    return charts.trend(charts.Trend(points, charts.Unit("money", "USD"), **changes))


def funnel() -> charts.Drawn:
    counts, then = [199, 180, 150, 116, 89, 0], [160, 125, 102, 81, 52, 34]
    names = STAGES[get_language() or "en"]
    return charts.funnel(
        charts.Funnel(
            [
                charts.FunnelStage(name, now, was, f"/rows/?stage={index}", COLOURS[index])
                for index, (name, now, was) in enumerate(zip(names, counts, then, strict=True))
            ]
        )
    )


def heat() -> charts.Drawn:
    days = (
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        if (get_language() or "en") == "en"
        else ["пн", "вт", "ср", "чт", "пт", "сб", "вс"]
    )
    cells = [
        [
            None
            if hour < 7 or day > 4
            else charts.Cell(5 + (day * 37 + hour * 11) % 90, 12, f"/rows/?h={hour}")
            for hour in range(24)
        ]
        for day in range(7)
    ]
    return charts.heat(charts.Heat(days, [f"{hour:02}" for hour in range(24)], cells))


def cohorts() -> charts.Drawn:
    rows = [
        charts.Cohort(
            f"{month} 2026",
            40 + index,
            [
                charts.Cell(
                    0.1 + 0.06 * since + 0.01 * index, 40 + index, f"/rows/?c={index}", since + index > 5
                )
                for since in range(7 - index)
            ],
        )
        for index, month in enumerate(months()[:6])
    ]
    return charts.cohort_grid(charts.CohortGrid(rows, [str(since) for since in range(7)]))


def panels() -> list[tuple[str, str, str, charts.Drawn]]:
    names = months()
    usd = charts.Unit("money", "USD")
    return [
        ("trend", "Trend, last 12 months", "wide", trend()),
        ("funnel", "Funnel", "", funnel()),
        (
            "reasons",
            "Reasons of loss",
            "",
            charts.bars(
                charts.Bars(
                    [
                        charts.Bar("Price", 31, 24, "/rows/?r=1", "bad"),
                        charts.Bar(
                            "Выбрали другого исполнителя с более коротким сроком", 12, 18, "/rows/?r=2"
                        ),
                        charts.Bar("No answer", 0, None, "/rows/?r=3"),
                        charts.Bar("Unknown", None, 3),
                    ]
                )
            ),
        ),
        (
            "payments",
            "Payments against plan",
            "",
            charts.columns(
                charts.Columns(
                    [
                        charts.Column(m, f"{m} 2026", [v, p], f"/rows/?p={i}")
                        for i, (m, v, p) in enumerate(
                            zip(names, [120e3, 90e3, -35e3, None, 0, 240e3] * 2, [100e3] * 12, strict=True)
                        )
                    ],
                    ["Fact", "Plan"],
                    usd,
                )
            ),
        ),
        (
            "mix",
            "Payments by kind",
            "",
            charts.columns(
                charts.Columns(
                    [charts.Column(m, m, [9 + i, 4, -3 if i == 2 else 2]) for i, m in enumerate(names)],
                    ["Advance", "Stage", "Refund"],
                    is_stacked=True,
                )
            ),
        ),
        (
            "seasons",
            "Seasons",
            "",
            charts.columns(
                charts.Columns(
                    [charts.Column(m, m, [0.7 + i % 5 / 7]) for i, m in enumerate(names)],
                    ["Index"],
                    charts.Unit("index"),
                    line_at=1,
                    line_name="usual month",
                )
            ),
        ),
        (
            "turnaround",
            "Turnaround of proposals",
            "",
            charts.spread(
                charts.Spread(
                    [
                        charts.Spell(
                            m, f"{m} 2026", 3 + i % 4, 4.2 + i % 3, 9.5 + i % 5, 14 + i, f"/rows/?s={i}"
                        )
                        if i != 3
                        else charts.Spell(m, f"{m} 2026", None, None, None, 0)
                        for i, m in enumerate(names)
                    ]
                )
            ),
        ),
        ("heat", "First response by weekday and hour", "wide", heat()),
        ("cohorts", "Cohorts", "", cohorts()),
        (
            "answers",
            "First response",
            "",
            charts.distribution(
                charts.Distribution(
                    [
                        charts.Bucket(label, f"{label} min", count, f"/rows/?b={label}")
                        for label, count in [
                            ("0–5", 40),
                            ("5–15", 61),
                            ("15–30", 22),
                            ("30–60", 0),
                            ("60+", 7),
                        ]
                    ]
                )
            ),
        ),
        ("nothing", "Nothing yet", "", charts.trend(charts.Trend([charts.TrendPoint("May", "May", None)]))),
        (
            "single",
            "One month",
            "",
            charts.trend(
                charts.Trend([charts.TrendPoint(names[5], names[5], 1_250_000_000)], usd), width=560
            ),
        ),
    ]


def gallery(request: HttpRequest) -> HttpResponse:
    body = engines["django"].from_string(PAGE)
    context = {
        "panels": panels(),
        "spark": charts.sparkline(charts.Sparkline([3, 5, 4, None, 6, 7, 5, 8, 9, 4, 6, 7, 9])),
        "plan": charts.plan_bar(charts.PlanBar(0.84, 0.77, "84% of plan 237")),
    }
    return HttpResponse(body.render(context, request))


urlpatterns = [
    path("charts/", gallery),
    path("rows/", lambda request: HttpResponse('<link rel="icon" href="data:,">rows')),
    path("", include(urls)),
]
