"""Every component of the interface, alive on one page: `/components/`.

For those who build pages: its specimens are left out of the translations on purpose.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from funnel.forms import NumberField, RowsField
from funnel.stages import Role, Stage
from funnel.toasts import toast


class LineForm(forms.Form):
    item = forms.CharField(label="Item", max_length=200)
    quantity = NumberField(label="Quantity", min_value=0)
    price = NumberField(label="Price", min_value=0)
    due = forms.DateField(label="Due", required=False)


class SpecimenForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", max_length=100, help_text="As it stands on the contract.")
    email = forms.EmailField(label="E-mail", required=False)
    source = forms.ChoiceField(
        label="Source", choices=[("", "Choose…"), ("web", "Website"), ("event", "Event")]
    )
    amount = NumberField(label="Amount", min_value=0, required=False)
    met_at = forms.DateTimeField(label="Met at", required=False)
    signed_on = forms.DateField(label="Signed on", required=False)
    verdict = forms.ChoiceField(
        label="Verdict",
        choices=[
            ("solve", "We can solve it"),
            ("partner", "A partner can"),
            ("decline", "Nobody can"),
        ],
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(label="Comment", required=False, widget=forms.Textarea)
    scan = forms.FileField(label="Scan", required=False)
    consent = forms.BooleanField(
        label="Consent to be written to", required=False, help_text="It may be withdrawn at any time."
    )
    items = RowsField(LineForm, label="Items", extra=3, required=False)


class QuestionForm(forms.Form):
    """What a dialog asks."""

    budget = NumberField(label="Budget", min_value=0)
    comment = forms.CharField(label="Comment", required=False, widget=forms.Textarea)


def gallery(request: HttpRequest) -> HttpResponse:
    """Show the components to administrators, and to anyone while developing."""
    if not settings.DEBUG and getattr(request.user, "role", None) != Role.ADMINISTRATOR:
        raise PermissionDenied
    if request.GET.get("part") == "dialog":
        return _dialog(request)
    if request.method == "POST":
        toast(request, "Evergreen Travel moved to Brief", undo=request.path)
        toast(request, "Another person moved it first. Nothing was saved.", level=messages.ERROR)
    return render(request, "funnel/gallery.html", _specimens())


def _dialog(request: HttpRequest) -> HttpResponse:
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        toast(request, "Evergreen Travel moved to Proposal", undo=reverse("funnel:gallery"))
        if request.htmx:
            return HttpResponse(status=204, headers={"HX-Trigger": "closeDialog"})
        return redirect("funnel:gallery")
    return render(request, "funnel/gallery_dialog.html", {"form": form}, status=422 if form.errors else 200)


def _specimens() -> dict[str, Any]:
    now = timezone.now()
    answers = {"again-email": "anna", "again-items-0-item": "Audit", "again-items-0-price": "-5"}
    refused = SpecimenForm(answers, prefix="again")
    return {
        "now": now,
        "past": now - timedelta(days=2),
        "tomorrow": now + timedelta(days=1),
        "stages": [stage.value for stage in Stage],
        "form": SpecimenForm(),
        "refused": refused,
        "steps": [
            {"label": "Application", "note": "13 Nov", "state": "done"},
            {"label": "Brief", "note": "13 Nov", "state": "done"},
            {"label": "Handoff", "note": "14 Nov", "state": "done"},
            {"label": "Demo", "state": "skipped"},
            {"label": "Proposal", "note": "5 days here", "state": "now"},
            {"label": "Contract", "state": "ahead"},
        ],
        "items": [
            {
                "title": "Run the demo call",
                "icon": "calendar",
                "text": "Planned next step",
                "due": now - timedelta(days=2),
            },
            {"day": "Today"},
            {
                "title": "Call",
                "icon": "phone",
                "who": "Ben Carter",
                "text": "12 min",
                "said": "Asked for the legal entity.\nWill send it tomorrow.",
                "at": now,
                "undo_url": "/components/",
            },
            {
                "title": "Proposal sent",
                "colour": "proposal",
                "who": "Ben Carter",
                "at": now - timedelta(days=3),
            },
            {
                "title": "Payment received",
                "icon": "banknote",
                "who": "Ben Carter",
                "text": "5,120",
                "annulled": True,
                "at": now - timedelta(days=4),
            },
            {
                "title": "Application received",
                "colour": "application",
                "text": "Website",
                "at": now - timedelta(days=10),
            },
        ],
        "details": [
            ("Contact", "Priya Rossi"),
            ("E-mail", "priya.rossi@evergreen.example"),
            ("Amount", "$33,300"),
            ("Campaign", ""),
        ],
        "checks": [
            {"label": "Amount", "done": True, "value": "$33,300"},
            {"label": "Legal entity", "done": False, "url": "?part=dialog", "dialog": True},
        ],
        "crumbs": [{"url": "/", "label": "Pipeline"}],
        "actions": [
            {"label": "Snooze", "url": "?part=dialog", "dialog": True},
            {
                "label": "Log a call",
                "url": "?part=dialog",
                "icon": "phone",
                "primary": True,
                "dialog": True,
            },
        ],
        "rows": [
            {
                "company": "Sputnik Build",
                "contact": "Sofia Silva",
                "stage": "new",
                "minutes": 237,
                "owner": "",
                "amount": 5120,
                "at": now,
            },
            {
                "company": "Umber Build",
                "contact": "James Novak",
                "stage": "briefed",
                "minutes": None,
                "owner": "Ilya Orlov",
                "amount": 10200,
                "at": now - timedelta(days=1),
            },
            {
                "company": "Zephyr Pharma",
                "contact": "Oscar Petrova",
                "stage": "handed_off",
                "minutes": -11,
                "owner": "Maria Sokolova",
                "amount": 34400,
                "at": now - timedelta(days=2),
            },
            {
                "company": "Fjord Retail",
                "contact": "Grace Rossi",
                "stage": "proposal_sent",
                "minutes": 15,
                "owner": "Chloe Martin",
                "amount": 14160.5,
                "at": now - timedelta(days=400),
            },
        ],
    }
