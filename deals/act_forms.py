"""What the acts of the sales half ask for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deals.domain.delivery import Delivery, Letter, proposed
from deals.domain.proposals import line_of, totals_of
from deals.domain.public import PAPERS, client_words
from deals.models import DirectCost, Instalment, LegalIssue, Meeting, Objection, Payment
from deals.totals import LARGEST
from funnel import formats
from funnel.act_forms import comment_field
from funnel.formats import day as day_words
from funnel.forms import (
    ActForm,
    CurrencyField,
    EmailsField,
    MoneyField,
    NumberField,
    ReasonField,
    RowsField,
    UserField,
    Warn,
    in_currency,
    refuse_fraction,
)
from funnel.models import Organisation, Reason
from funnel.rates import CODE
from funnel.stages import Answer, Role

FARTHEST = timedelta(days=365 * 30)
"""How far from today a date in a deal may lie before it is taken for a slip of the finger."""
Cleaned = dict[str, Any]


def today() -> date:
    """Return the organisation's date: one query."""
    return timezone.now().astimezone(Organisation.current().zone).date()


def refuse_future(day: date | None, now: date | None = None) -> date | None:
    """Pass a day on that is not after the organisation's today (`now`, where it is known), nor decades ago."""
    if day is not None:
        now = now or today()
        if day > now:
            raise ValidationError(_("This day is still to come."), code="future")
        if now - day > FARTHEST:
            raise ValidationError(_("This day lies too far back."), code="past")
    return day


class DayField(forms.DateField):
    """A day, picked in the browser, in ISO elsewhere."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, **options)

    def clean(self, value: Any) -> date | None:
        day = super().clean(value)
        if day is not None and abs(day - timezone.localdate()) > FARTHEST:
            raise ValidationError(_("This day lies too far away."), code="range")
        return day


def moment_field(**options: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(widget=widget, **options)


# handoff -------------------------------------------------------------------------------------------------------------


class HandOffForm(ActForm):
    salesperson = UserField(
        roles={Role.SALESPERSON},
        label=_("Salesperson"),
        required=False,
        empty_label=_("Whose turn it is"),
        help_text=_("Blank: the assignment rule decides."),
    )
    comment = comment_field(label=_("Words to sales"))


class RejectForm(ActForm):
    reason = ReasonField(Reason.Kind.REJECTED, label=_("Reason"))
    comment = comment_field(required=True, help_text=_("What marketing should know to do better."))


# meetings ------------------------------------------------------------------------------------------------------------


class ScheduleDemoForm(ActForm):
    rules: ClassVar[dict[str, Any]] = {"anyOf": [{"required": ["place"]}, {"required": ["link"]}]}

    starts_at = moment_field(label=_("Starts at"))
    minutes = forms.IntegerField(label=_("Minutes"), min_value=5, max_value=1440, initial=60, required=False)
    place = forms.CharField(label=_("Place"), max_length=300, required=False)
    link = forms.URLField(
        label=_("Link"),
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text=_("A place or a link, at least one of them."),
    )
    attendees = forms.CharField(
        label=_("Who attends"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    specialist = UserField(
        roles={Role.SPECIALIST},
        label=_("Specialist"),
        required=False,
        empty_label=_("Nobody"),
        help_text=_("Sees this journey from then on."),
    )
    overrule = forms.BooleanField(
        label=_("Book it though somebody is busy then"),
        required=False,
        help_text=_("For managers: where both meetings shall stand."),
    )
    comment = comment_field()

    def prepare(self) -> None:
        if self.actor is not None and not self.actor.leads_everyone:
            self.fields["overrule"].widget = forms.HiddenInput()

    def clean_minutes(self) -> int:
        return self.cleaned_data["minutes"] or 60

    def clean_starts_at(self) -> datetime:
        moment: datetime = self.cleaned_data["starts_at"]
        if abs(moment - timezone.now()) > timedelta(days=2 * 366):
            raise ValidationError(_("This moment lies too far away."), code="range")
        return moment

    def clean(self) -> Cleaned:
        cleaned = dict(super().clean() or self.cleaned_data)
        given = {"place", "link"} & self.errors.keys()
        if not given and not cleaned.get("place") and not cleaned.get("link"):
            self.add_error("place", ValidationError(_("Give a place or a link."), code="required"))
        return cleaned


class CancelDemoForm(ActForm):
    reason = comment_field(label=_("Reason"), required=True, help_text=_("Why the demo does not take place."))


class HoldDemoForm(ActForm):
    outcome = forms.ChoiceField(label=_("Outcome"), choices=Meeting.Outcome.choices)
    comment = comment_field(label=_("What was said"))


class QualifyForm(ActForm):
    need = forms.CharField(
        label=_("Need"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Which task they want solved."),
    )
    budget = MoneyField(label=_("Budget"), help_text=_("What they can spend on it."))
    authority = forms.CharField(
        label=_("Authority"), max_length=500, help_text=_("Who decides, and whether they were there.")
    )
    timing = forms.CharField(label=_("Timing"), max_length=500, help_text=_("When they need it."))
    comment = comment_field()


# proposals -----------------------------------------------------------------------------------------------------------


class PercentField(NumberField):
    """From 0 to 100 per cent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(percent=True, min_value=0, max_value=100, max_digits=5, decimal_places=2, **options)


class LineForm(forms.Form):
    """A line item; discount and tax are per cent."""

    description = forms.CharField(label=_("Description"), max_length=500)
    unit = forms.CharField(label=_("Unit"), max_length=30, required=False)
    quantity = NumberField(label=_("Quantity"), min_value=Decimal("0.001"), max_digits=10, decimal_places=3)
    unit_price = MoneyField(label=_("Unit price"), decimal_places=4)
    discount = PercentField(label=_("Discount, %"), required=False)
    tax = PercentField(label=_("Tax, %"), required=False)


def refuse_too_large(rows: list[dict[str, Any]]) -> None:
    """Refuse lines whose total no column holds."""
    totals = totals_of([line_of(row) for row in rows])
    if totals.gross > LARGEST or totals.total > LARGEST:
        raise ValidationError(_("The lines come to more than can be kept."), code="max_value")


class DeliveryForm(ActForm):
    """How a version goes to the client: by a letter with its link, or handed over by somebody."""

    paper: ClassVar[str]
    delivery = forms.ChoiceField(
        label=_("How it reaches the client"),
        choices=Delivery.choices,
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Blank: handed over; nothing is mailed."),
    )
    to = EmailsField(label=_("To"), required=False, help_text=_("Blank: the contact's address."))
    copy = EmailsField(label=_("Copy"), required=False)
    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    body = forms.CharField(
        label=_("Message"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("The link stands under it."),
    )
    revision = forms.IntegerField(
        required=False,
        min_value=1,
        widget=forms.HiddenInput,
        help_text=_("The revision of the draft that was seen: where it has changed since, nothing is sent."),
    )

    def clean_delivery(self) -> str:
        return self.cleaned_data["delivery"] or Delivery.HANDED_OVER

    def clean(self) -> Cleaned:
        cleaned = dict(super().clean() or self.cleaned_data)
        given = {name: cleaned.pop(name, None) for name in ("to", "copy", "subject", "body")}
        if cleaned.pop("delivery", None) != Delivery.LETTER or self.journey is None:
            return cleaned
        usual = proposed(self.journey, self.actor, paper=self.paper, number=self.number)
        to = given["to"] or usual.to
        if not to and "to" not in self.errors:
            words = _("The contact has no e-mail address; give one, or hand it over yourself.")
            self.add_error("to", ValidationError(words, code="required"))
        subject = " ".join((given["subject"] or usual.subject).split())
        copy = [address for address in given["copy"] or () if address not in to]
        cleaned["letter"] = Letter(to, copy, subject, given["body"] or usual.body)
        return cleaned

    @property
    def number(self) -> int:
        """Return the number of the version that is sent next: one query."""
        model: Any = PAPERS[self.paper]
        versions = model.objects.filter(**{f"{self.paper}__journey": self.journey})
        last = versions.order_by("-number").values_list("number", "state").first()
        return 1 if last is None else last[0] + (last[1] == "sent")


class SendProposalForm(DeliveryForm):
    paper = "proposal"
    lines = RowsField(
        LineForm,
        label=_("Lines"),
        required=False,
        extra=0,
        help_text=_("Blank: the draft is sent as it stands."),
    )
    valid_until = DayField(label=_("Valid until"), required=False)
    comment = comment_field()

    def clean_lines(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.cleaned_data["lines"]
        refuse_too_large(rows)
        return rows

    def clean_valid_until(self) -> date | None:
        day: date | None = self.cleaned_data["valid_until"]
        if day and day < today():
            raise ValidationError(_("This day has passed."), code="past")
        return day


class ObjectForm(ActForm):
    reason = ReasonField(Reason.Kind.OBJECTION, label=_("Objection"))
    said = comment_field(label=_("What was said"), required=True)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """Fill in what the client answered by the link, where that is what the objection is about."""
        given = super().get_initial_for_field(field, field_name)
        if field_name == "said" and not given and self.journey is not None:
            return client_words(self.journey)
        return given


class AnswerForm(ActForm):
    """What the client makes of a proposal or contract, on its public page."""

    paper = forms.ChoiceField(choices=[("proposal", _("Proposal")), ("contract", _("Contract"))])
    version = forms.IntegerField(min_value=1, max_value=32767, widget=forms.HiddenInput)
    answer = forms.ChoiceField(choices=Answer.choices, label=_("Your answer"))
    text = comment_field(label=_("Anything to add?"))
    name = forms.CharField(label=_("Your name"), max_length=200, required=False)
    position = forms.CharField(label=_("Your position"), max_length=200, required=False)

    def clean(self) -> Cleaned:
        cleaned = dict(super().clean() or self.cleaned_data)
        if cleaned.get("answer") == Answer.CHANGES and not cleaned.get("text", "").strip():
            self.add_error("text", ValidationError(_("Tell us what to change."), code="required"))
        return cleaned


class ResolveObjectionForm(ActForm):
    objection = forms.ModelChoiceField(
        Objection.objects.none(), label=_("Objection"), required=False, empty_label=_("The latest one")
    )
    resolution = comment_field(label=_("How it was met"), required=True)

    def prepare(self) -> None:
        if self.journey is not None:
            field: Any = self.fields["objection"]
            field.queryset = Objection.objects.filter(journey=self.journey, resolved_at=None).select_related(
                "reason"
            )


# contracts -----------------------------------------------------------------------------------------------------------


class RequestContractForm(ActForm):
    lawyer = UserField(
        roles={Role.LAWYER},
        label=_("Lawyer"),
        required=False,
        empty_label=_("Nobody yet"),
        help_text=_("Sees this journey from then on."),
    )
    comment = comment_field()


class SendContractForm(DeliveryForm):
    paper = "contract"
    terms = forms.CharField(
        label=_("Terms"),
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("Blank: as they stand in the draft."),
    )
    amount = MoneyField(
        positive=True, label=_("Amount"), required=False, help_text=_("Blank: as it stands in the draft.")
    )
    comment = comment_field()


class InstalmentRow(forms.Form):
    due_on = DayField(label=_("Due on"))
    amount = MoneyField(positive=True, any_currency=True, label=_("Amount"))


def early(due: Iterable[date], signed_on: date | None) -> list[Warn]:
    """Question the days of instalments that lie before the signature."""
    words = _("An instalment is due on %(due)s, before the contract is signed on %(signed)s.")
    signed = day_words(signed_on)
    return [
        Warn("instalment_before_signature", str(words % {"due": day_words(day), "signed": signed}))
        for day in sorted(due)
        if signed_on is not None and day < signed_on
    ]


class InCurrencyForm(ActForm):
    """An amount in the organisation's currency or in another one."""

    amount = MoneyField(positive=True, any_currency=True, label=_("Amount"))
    currency = CurrencyField()

    def full_clean(self) -> None:
        given = str(self.data.get(self.add_prefix("currency")) or "").strip().upper()
        in_currency(self, given if CODE.fullmatch(given) else "")
        super().full_clean()

    def clean(self) -> Cleaned:
        cleaned = dict(super().clean() or self.cleaned_data)
        rows = cleaned.get("instalments") or []
        for name, amounts in {
            "amount": [cleaned.get("amount")],
            "instalments": [row["amount"] for row in rows],
        }.items():
            try:
                for amount in amounts:
                    refuse_fraction(amount, cleaned.get("currency", ""))
            except ValidationError as fault:
                self.add_error(name, fault)
        return cleaned


class SignForm(InCurrencyForm):
    signed_on = DayField(label=_("Signed on"))
    instalments = RowsField(
        InstalmentRow,
        label=_("Payment schedule"),
        required=False,
        max_rows=120,
        extra=2,
        help_text=_("Blank: all of it on the day of signing."),
    )
    comment = comment_field()
    field_order = ("signed_on", "amount", "currency", "instalments", "comment")

    def prepare(self) -> None:
        if self.journey is not None and not self.is_bound:
            self.initial.setdefault("signed_on", today())
            self.initial.setdefault("amount", self.journey.amount)

    def clean_signed_on(self) -> date | None:
        zone = Organisation.current().zone
        now = timezone.now().astimezone(zone).date()
        day = refuse_future(self.cleaned_data["signed_on"], now)
        if day and self.journey is not None:
            arrived = self.journey.created_at.astimezone(zone).date()
            if day < arrived:
                raise ValidationError(_("This day lies before the application arrived."), code="past")
        return day

    def clean(self) -> Cleaned:
        cleaned = dict(super().clean() or self.cleaned_data)
        rows, amount = cleaned.get("instalments"), cleaned.get("amount")
        if rows and amount is not None:
            total = sum((row["amount"] for row in rows), Decimal(0))
            if total != amount:
                words = _("The instalments come to %(total)s, the contract to %(amount)s.")
                currency = cleaned.get("currency") or Organisation.current().currency
                params = {"total": formats.money(total, currency), "amount": formats.money(amount, currency)}
                self.add_error("instalments", ValidationError(words, params=params, code="sum"))
        self.warnings += early([row["due_on"] for row in rows or ()], cleaned.get("signed_on"))
        return cleaned


class LegalIssueForm(ActForm):
    text = comment_field(label=_("Issue"), required=True)


class ResolveIssueForm(ActForm):
    issue = forms.ModelChoiceField(
        LegalIssue.objects.none(), label=_("Issue"), required=False, empty_label=_("The oldest one")
    )
    resolution = comment_field(label=_("How it was settled"))

    def prepare(self) -> None:
        if self.journey is not None:
            field: Any = self.fields["issue"]
            field.queryset = LegalIssue.objects.filter(journey=self.journey, resolved_at=None)


# money ---------------------------------------------------------------------------------------------------------------


class MoneyForm(InCurrencyForm):
    paid_on = DayField(label=_("Paid on"), required=False, help_text=_("Blank: the day of this entry."))
    method = forms.ChoiceField(label=_("Method"), choices=Payment.Method.choices, required=False)
    comment = comment_field()

    def clean_method(self) -> str:
        return self.cleaned_data["method"] or Payment.Method.TRANSFER

    def clean_paid_on(self) -> date | None:
        return refuse_future(self.cleaned_data["paid_on"])


class PaymentForm(MoneyForm):
    instalment = forms.ModelChoiceField(
        Instalment.objects.none(),
        label=_("Instalment"),
        required=False,
        empty_label=_("The oldest unpaid one"),
    )
    field_order = ("amount", "currency", "paid_on", "instalment", "method", "comment")

    def prepare(self) -> None:
        if self.journey is not None:
            field: Any = self.fields["instalment"]
            field.queryset = Instalment.objects.filter(contract__journey=self.journey)


class RefundForm(MoneyForm):
    pass


class CostForm(InCurrencyForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=DirectCost.Kind.choices, required=False)
    comment = comment_field()

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or DirectCost.Kind.OTHER


class RescheduleForm(forms.Form):
    due_on = DayField(label=_("Due on"))
    why = comment_field(label=_("Why"))
