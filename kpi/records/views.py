"""The page of the rows behind a number: a table to read, to narrow down and to download."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel import formats
from funnel.access import Permission, may
from funnel.models import Organisation
from funnel.rates import origin_words
from funnel.sheets import csv_file, xlsx_file
from funnel.stages import Happening, Stage
from funnel.views.base import permitted, person
from kpi import tables
from kpi.forms import CUTS
from kpi.measures import Metric
from kpi.records.forms import RecordsForm, cursor_of, factors_of
from kpi.records.parts import LISTED, PART_NAMES, Rows, parts_of
from kpi.records.queries import Found, Sought, find
from kpi.records.rows import Row, rows_of

MOST_IN_A_FILE: Final = 100_000
FILES: Final = {"csv": csv_file, "xlsx": xlsx_file}
ONCE: Final = ("cursor", "format")
"""Parameters that a link to another list leaves behind."""


@permitted(Permission.SEE_REPORTS)
@require_GET
def records(request: HttpRequest) -> HttpResponse:
    """List the rows behind `?metric=`, with the words of the report; `?format=csv|xlsx` downloads all of them.

    A fixed number of queries. A bad parameter is named and answered with 400.
    """
    user = person(request)
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = RecordsForm(request.GET, organisation=organisation, user=user)
    query = request.GET.copy()
    query["back"] = _back(request)
    if not form.is_valid():
        return render(request, "kpi/records.html", _refused(form, query), status=400)
    metric, sought = form.cleaned_data["metric"], form.sought
    money = may(user, Permission.SEE_MONEY)
    if file := FILES.get(request.GET.get("format", "")):
        found = find(sought, size=MOST_IN_A_FILE)
        rows = rows_of(user, metric, sought, found.rows)
        name = f"{metric.key}_{sought.period.name}"
        return file(name, [str(words) for words in _HEAD], _lines(rows, sought, form, found))
    found = find(sought, **form.page)
    context = _context(form, metric, sought, found, query, money=money)
    rows = rows_of(user, metric, sought, found.rows)
    context |= {
        "rows": [_shown(row, form, sought) for row in rows],
        "unit": next((row.unit for row in rows), ""),
        "has_reasons": any(row.record.reason for row in rows),
        "has_events": len({row.record.event for row in rows}) > 1,
    }
    return render(request, "kpi/records.html", context)


def _context(
    form: RecordsForm, metric: Metric, sought: Sought, found: Found, query: QueryDict, *, money: bool
) -> dict[str, Any]:
    filters = list(_filters(form, query))
    part = form.cleaned_data["part"]
    currency = sought.organisation.currency
    # what is due by a schedule is told as money, where the reader may see it
    sums = sought.rows.sums or (money and bool(sought.narrow.due))
    figure = formats.money(found.sum or 0, currency) if sums else formats.number(found.count)
    words = [
        str(metric.name),
        *([str(PART_NAMES[part]).lower()] if part else []),
        tables.title(sought.period),
        *(f"{label.lower()} {value}" for label, value, _url in filters),
    ]
    return {
        "form": form,
        "metric": metric,
        "heading": ", ".join(words),
        "figure": figure,
        "found": found,
        "sums": sums,
        "money": money and found.sum is not None,
        "currency": currency,
        "is_flow": sought.rows.relation == "visit",
        "as_of": sought.as_of if form.data.get("as_of") else None,
        "chips": filters,
        "parts": list(_parts(metric, part, query)),
        "no_rows": [words for words in parts_of(metric).values() if not isinstance(words, Rows)],
        "crumbs": [{"url": query["back"] or _dashboard(sought), "label": _place(query["back"])}],
        "newer": _with(query, cursor=cursor_of(found.rows[0].place, backwards=True))
        if found.has_newer and found.rows
        else "",
        "older": _with(query, cursor=cursor_of(found.rows[-1].place))
        if found.has_older and found.rows
        else "",
        "csv_url": _with(query, format="csv"),
        "xlsx_url": _with(query, format="xlsx"),
        "too_many": found.count > MOST_IN_A_FILE,
        "most": MOST_IN_A_FILE,
        "zone": sought.organisation.timezone,
    }


def _refused(form: RecordsForm, query: QueryDict) -> dict[str, Any]:
    """What the page says instead; where a product was asked for, with links to its factors."""
    metric = LISTED.get(form.data.get("metric", ""))
    factors = factors_of(metric) if metric else {}
    return {
        "form": form,
        "refused": True,
        "metric": metric,
        "factors": [(factor.name, _with(query, metric=key, part="")) for key, factor in factors.items()],
        "crumbs": [{"url": query["back"] or reverse("kpi:dashboard"), "label": _place(query["back"])}],
    }


def _filters(form: RecordsForm, query: QueryDict) -> Iterator[tuple[str, str, str]]:
    """Each filter as (its name, its value in words, the list without it)."""
    for cut, values in form.asked["filters"].items():
        for value in values:
            label = _label(form, cut, value) or _("none")
            yield str(CUTS[cut]), label, _with(query, **{cut: [one for one in values if one != value]})
    if stage := form.cleaned_data["stage"]:
        yield _("Stage"), str(Stage(stage).label), _with(query, stage="")
    if client := form.cleaned_data["client"]:
        yield _("Client"), client, _with(query, client="")
    for name, label, words in form.narrowed():
        yield label, words, _with(query, **{name: ""})


def _parts(metric: Metric, part: str, query: QueryDict) -> Iterator[tuple[str, str, bool]]:
    """Each part that has rows as (its name, its list, whether it is shown)."""
    found = [name for name, rows in parts_of(metric).items() if name and isinstance(rows, Rows)]
    if len(found) > 1:
        for name in found:
            yield str(PART_NAMES[name]), _with(query, part=name), name == part


def _shown(row: Row, form: RecordsForm, sought: Sought) -> dict[str, Any]:
    """A row in the words that people know things by."""
    record = row.record
    is_due = sought.rows.relation == "instalment"
    return {
        "row": row,
        "event": _event(row),
        "origin": origin_words(row.original),
        "due_on": record.at.astimezone(sought.organisation.zone).date() if is_due else None,
        "duration": _duration(row),
        **{cut: _label(form, cut, getattr(record, cut)) for cut in CUTS},
    }


def _event(row: Row) -> str:
    record = row.record
    if record.event:
        return str(Happening(record.event).label)
    return str(Stage(record.stage).label) if record.stage else _("Instalment due")


def _duration(row: Row) -> str:
    if row.duration is None:
        return ""
    number = formats.number(float(row.duration), 1)
    words = {"business_minutes": _("%(n)s min"), "business_hours": _("%(n)s h"), "days": _("%(n)s d")}
    return words[row.unit] % {"n": number}


def _label(form: RecordsForm, cut: str, value: str) -> str:
    choice = form.choices[cut].get(value)
    return choice.label if choice else value


_HEAD: Final = (
    "client", "journey", "event", "at", "amount", "currency", "original_amount", "original_currency", "rate",
    "rate_from", "source", "campaign", "service", "owner", "team", "stage",
    "reason", "duration", "unit", "waiting", "went_to",
)  # fmt: skip


def _lines(
    rows: Sequence[Row], sought: Sought, form: RecordsForm, found: Found
) -> Iterator[tuple[str | float | int | None, ...]]:
    """The rows for spreadsheet programs: the moments in the organisation's zone, names as the page shows them."""
    organisation = sought.organisation
    for row in rows:
        record = row.record
        yield (
            str(row.journey) if row.journey else "",
            record.journey,
            _event(row),
            record.at.astimezone(organisation.zone).isoformat(timespec="seconds"),
            None if row.amount is None else float(row.amount),
            organisation.currency if row.amount is not None else "",
            *_origin(row.original or {}),
            *(_label(form, cut, getattr(record, cut)) for cut in CUTS),
            str(Stage(row.stage_now).label) if row.stage_now else "",
            record.reason,
            None if row.duration is None else float(row.duration),
            row.unit,
            "1" if row.waiting else "",
            str(Stage(record.went_to).label) if record.went_to else "",
        )
    if found.has_older:
        words = _("Only the newest %(most)s of %(count)s: choose a shorter period or a filter.")
        yield (words % {"most": formats.number(MOST_IN_A_FILE), "count": formats.number(found.count)},)


def _origin(original: Mapping[str, str]) -> Iterator[str | float | None]:
    """What an amount was in its own currency, and the rate: blank cells where it was in the organisation's."""
    yield float(original["amount"]) if original else None
    yield original.get("currency", "")
    yield float(original["rate"]) if original else None
    yield original.get("day", "")


def _with(query: QueryDict, **changes: str | list[str]) -> str:
    """The address of this list with some parameters changed, from its first page; "" removes one."""
    changed = query.copy()
    for name in ONCE:
        changed.pop(name, None)
    for name, value in changes.items():
        if value:
            changed.setlist(name, [value] if isinstance(value, str) else value)
        else:
            changed.pop(name, None)
    if not changed.get("back"):
        changed.pop("back", None)
    return f"{reverse('kpi:records')}?{changed.urlencode()}"


def _back(request: HttpRequest) -> str:
    """Where the reader came from: `?back=` or the page that led here, if that lies on this site; else ""."""
    here = request.get_host()
    for address in (request.GET.get("back", ""), request.headers.get("Referer", "")):
        if address and url_has_allowed_host_and_scheme(address, {here}, require_https=request.is_secure()):
            parts = urlsplit(address)
            if parts.path != request.path and parts.path.startswith("/"):
                return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ""


def _place(back: object) -> str:
    path = urlsplit(str(back)).path
    if path.startswith(reverse("kpi:campaigns")):
        return _("Campaigns")
    return _("Back") if path and not path.startswith(reverse("kpi:dashboard")) else _("Dashboard")


def _dashboard(sought: Sought) -> str:
    asked: Mapping[str, Any] = {"period": sought.period.name, **sought.filters}
    return f"{reverse('kpi:dashboard')}?{urlencode(asked, doseq=True)}"
