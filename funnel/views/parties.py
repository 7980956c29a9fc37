"""People and companies: their lists, their pages, and editing what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel import access, custom, merging, party_page
from funnel.access import Permission
from funnel.models import Company, Contact, CustomField, FieldChange, Journey, User
from funnel.paging import keyset
from funnel.parties import CUSTOM, ChangedMeanwhile, Party, edit_party, party_mark
from funnel.party_fields import Reader
from funnel.party_forms import FORMS
from funnel.party_kinds import KINDS, PartyKind, url_of
from funnel.party_lists import PartyFilter, rows_of
from funnel.stages import Happening
from funnel.toasts import toast

from .base import address, go, permitted, person

COUNTED = 1000
inside: Callable[..., Any] = permitted(Permission.SEE_WORKSPACE)
"""Who works here; partners see no one but whom they were referred."""


def party_of(request: HttpRequest, kind: PartyKind, pk: int) -> Party:
    """Return the person or company where one may see it, merged away or not: one query. Raises Http404."""
    rows = kind.model.objects.found_by(person(request)).select_related("merged_into")
    if kind.slug == "contact":
        rows = rows.select_related("company", "merged_into")
    found: Party | None = rows.filter(pk=pk).first()
    if found is None:
        raise Http404("no such record")
    return found


@inside
@require_GET
def party_list(request: HttpRequest, kind: str) -> HttpResponse:
    """Show the people or companies of the journeys that the person sees, as the address filters and orders them."""
    user, this = person(request), KINDS[kind]
    fields = custom.fields_of(kind, active=True)
    form = PartyFilter(request.GET, kind=this, user=user, fields=fields)
    parties = form.narrow(this.visible_to(user))
    total = parties.order_by()[: COUNTED + 1].count()
    shown = parties.annotate(sort_name=this.sort_name)
    if kind == "contact":
        shown = shown.select_related("company")
    page: Any = keyset(shown, request.GET, **form.ordering)
    listed = [field for field in fields if field.listed]
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    context = {
        "kind": this,
        "filter": form,
        "values": form.values,
        "own_filters": [form[name] for name in form.own],
        "chips": [(label, words, _without(request, name)) for name, label, words in form.chips()],
        "faults": [fault for faults in form.errors.values() for fault in faults],
        "page": page,
        "rows": [{**row, "own": _own(row["party"], listed)} for row in rows_of(page.rows, this, user)],
        "listed": listed,
        "total": total,
        "list_url": this.url("list"),
        "new_url": address("leads:lead-create") if access.may(user, Permission.EDIT_JOURNEYS) else "",
        "pairs_url": _pairs_url(kind) if access.may(user, Permission.MERGE_PARTIES) else "",
        "currency": organisation.currency,
        "sees_money": access.may(user, Permission.SEE_MONEY),
    }
    return render(request, "funnel/party_list.html", context)


def _pairs_url(kind: str) -> str:
    return f"{found}?kind={kind}" if (found := address("leads:pair-list")) else ""


def _own(party: Party, listed: list[CustomField]) -> list[tuple[str, bool]]:
    """Return the words of each custom field of the list, and whether they are a number."""
    number = CustomField.Type.NUMBER
    return [(custom.words(field, party.custom.get(field.key)), field.type == number) for field in listed]


def _without(request: HttpRequest, name: str) -> str:
    """Return the address of this list without one filter, on its first page."""
    query = request.GET.copy()
    for gone in (name, "after", "before"):
        query.pop(gone, None)
    return f"?{query.urlencode()}"


@inside
@require_GET
def party(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Show a person or company: details, journeys, money, and everything that happened. Of one merged away, whither."""
    user, this = person(request), KINDS[kind]
    shown = party_of(request, this, pk)
    fields = custom.fields_of(kind)
    context: dict[str, Any] = {
        "kind": this,
        "party": shown,
        "crumbs": party_page.crumbs(this),
        "details": party_page.details(shown, fields, user),
    }
    if shown.merged_into_id is not None:
        found = merging.merge_of(shown)
        context |= {"merge": found, "why_not": merging.why_not_undone(found, user) if found else ""}
        return render(request, "funnel/party_merged.html", context)
    items, picks, page = party_page.story(shown, user, request.GET)
    changes = FieldChange.objects.filter(**{kind: shown}).select_related("actor")
    latest = list(changes.order_by("-at", "-pk")[: party_page.LATEST])
    journeys = list(party_page.journeys(shown, user)[: party_page.SHOWN + 1])
    organisation = request.organisation  # type: ignore[attr-defined]
    context |= {
        "items": items,
        "picks": picks,
        "page": page,
        "changes": party_page.changes(shown, fields, latest, user),
        "journeys": journeys[: party_page.SHOWN],
        "more_journeys": len(journeys) > party_page.SHOWN,
        "figures": party_page.figures(shown, user),
        "people": party_page.people(shown, user) if isinstance(shown, Company) else [],
        "merged": party_page.merged(shown),
        "former": party_page.former(shown),
        "may_edit": access.may(user, Permission.EDIT_JOURNEYS),
        "may_merge": access.may(user, Permission.MERGE_PARTIES),
        "erase_url": _erase_url(shown, journeys, user),
        "new_url": address("leads:lead-create") if access.may(user, Permission.EDIT_JOURNEYS) else "",
        "currency": organisation.currency,
        "sees_money": access.may(user, Permission.SEE_MONEY),
    }
    return render(request, "funnel/party.html", context)


def _erase_url(shown: Party, journeys: list[Journey], user: User) -> str:
    """Return where a person's data is erased: an act on one of their journeys, for those who may; else ""."""
    erased = Happening.PERSONAL_DATA_ERASED
    if not (isinstance(shown, Contact) and journeys and access.may_record(user, erased)) or shown.erased_at:
        return ""
    return reverse("funnel:journey-fact", args=[journeys[0].pk, erased.value])


@inside
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Edit what is known of a person or company; a stale form shows both versions and keeps what was typed."""
    user, this = person(request), KINDS[kind]
    shown = party_of(request, this, pk)
    if not access.may(user, Permission.EDIT_JOURNEYS) or shown.merged_into_id is not None:
        raise PermissionDenied
    fields = custom.fields_of(kind, active=True)
    form = FORMS[this.model](request.POST or None, party=shown, fields=fields)
    status, stale = (422 if request.method == "POST" else 200), []
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                edit_party(party=shown, actor=user, mark=form.cleaned_data["mark"], values=form.values())
        except ChangedMeanwhile:
            status, stale = 409, _versions(shown, form, fields)
            # what is saved next is decided on what this page shows now
            form.data = {**request.POST.dict(), "mark": party_mark(shown)}
        else:
            toast(request, _("%(who)s: saved.") % {"who": form.cleaned_data.get("name") or shown})
            return go(request, url_of(shown))
    context = {
        "kind": this,
        "party": shown,
        "form": form,
        "stale": stale,
        "meanwhile": _last_change(shown) if stale else None,
        "crumbs": party_page.crumbs(this, shown),
        "back": url_of(shown),
    }
    return render(request, "funnel/party_edit.html", context, status=status)


def _versions(shown: Party, form: Any, fields: list[CustomField]) -> list[tuple[str, str, str]]:
    """Return field, what was typed and what stands now, where they differ."""
    reader = Reader(type(shown), fields)
    found = []
    for name in form.fields:
        if name == "mark":
            continue
        mine, theirs = form.cleaned_data.get(name), form.initial.get(name)
        if name == "company":
            mine = form.data.get("company", "").strip()
        if (mine or None) != (theirs or None):
            plain = name if name.startswith(CUSTOM) else ""
            words = [reader.words(plain, value) if plain else str(value or "") for value in (mine, theirs)]
            found.append((str(form.fields[name].label), words[0], words[1]))
    return found


def _last_change(shown: Party) -> FieldChange | None:
    rows = FieldChange.objects.filter(**{type(shown).__name__.lower(): shown}).select_related("actor")
    return rows.order_by("-at", "-pk").first()


@inside
@require_GET
def changes(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """List every change of a person's or company's fields, page by page."""
    user, this = person(request), KINDS[kind]
    shown = party_of(request, this, pk)
    rows = FieldChange.objects.filter(**{kind: shown}).select_related("actor")
    page: Any = keyset(rows, request.GET, by="at")
    context = {
        "kind": this,
        "party": shown,
        "page": page,
        "changes": party_page.changes(shown, custom.fields_of(kind), page.rows, user),
        "crumbs": party_page.crumbs(this, shown),
    }
    return render(request, "funnel/party_changes.html", context)
