"""What stands beside a journey about its arrival: the person's own words, the form they came through."""

import re
import uuid
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Campaign, Journey, Service, Source, Team
from funnel.words import Indexed, Words

from .cost_models import CampaignCost as CampaignCost  # one of this app's models
from .imports_models import ImportJob as ImportJob  # and this
from .pair_models import CompanyPair as CompanyPair
from .pair_models import ContactPair as ContactPair
from .pair_models import Uncompared as Uncompared

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?\Z")


class CompanyKey(models.Func):
    """A company's name as it is compared: lower case, without punctuation and legal form. The database does it."""

    function = "leads_company_key"
    arity = 1
    output_field = models.TextField()


def validate_origin(value: str) -> None:
    """Refuse what is no origin of a web page."""
    if not _ORIGIN.match(value):
        raise ValidationError(
            _("“%(value)s” is not an origin such as https://www.company.com."), params={"value": value}
        )


def usual_fields() -> list[str]:
    return ["name", "email", "phone", "company", "message"]


def application_terms() -> Indexed:
    """Return what an application is found by: the words of its message."""
    return Indexed(Words("message"))


class WebForm(models.Model):
    """A public form: who fills it in becomes a lead of its source, campaign and service."""

    class Field(models.TextChoices):
        NAME = "name", _("Name")
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")
        COMPANY = "company", _("Company")
        SERVICE = "service", _("Service")
        MESSAGE = "message", _("Message")

    class Assignment(models.TextChoices):
        INBOX = "inbox", _("Whoever takes it from the inbox")
        SHARE = "share", _("Whoever has the fewest open applications")

    slug = models.SlugField(_("address"), max_length=60, unique=True, help_text=_("The end of /f/…/"))
    title = models.CharField(_("title"), max_length=150)
    intro = models.TextField(_("introduction"), blank=True, max_length=2000)
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("campaign")
    )
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    fields = ArrayField(
        models.CharField(max_length=20, choices=Field.choices),
        verbose_name=_("fields"),
        default=usual_fields,
    )
    double_opt_in = models.BooleanField(
        _("confirm by e-mail"),
        default=False,
        help_text=_("The application arrives once the person has followed the link in an e-mail."),
    )
    consent_text = models.TextField(
        _("consent"),
        blank=True,
        max_length=2000,
        help_text=_("Where given, the person must tick it; the text and the time are kept."),
    )
    thanks = models.TextField(_("words of thanks"), blank=True, max_length=2000)
    redirect_url = models.URLField(
        _("page to go to afterwards"),
        blank=True,
        max_length=500,
        help_text=_("Instead of the words of thanks."),
    )
    embed_origins = ArrayField(
        models.CharField(max_length=200, validators=[validate_origin]),
        verbose_name=_("sites that may embed it"),
        default=list,
        blank=True,
    )
    phone_region = models.CharField(
        _("country of phone numbers"),
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}\Z", _("Two capital letters, such as DE."))],
        help_text=_("Where a number without a country code is dialled."),
    )
    assignment = models.CharField(
        _("goes to"), max_length=10, choices=Assignment.choices, default=Assignment.INBOX
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Among whom applications are shared out; everyone where empty."),
    )
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["title", "pk"]
        verbose_name = _("web form")
        verbose_name_plural = _("web forms")
        constraints = [
            models.CheckConstraint(
                condition=Q(fields__contains=["email"]) | Q(fields__contains=["phone"], double_opt_in=False),
                name="webform_asks_a_way_to_answer",
            )
        ]

    def __str__(self) -> str:
        # The title that ships with the product is a message id of the catalogue; others pass through unchanged.
        return str(_(self.title))


class Application(models.Model):
    """What the person said when they applied. Their words stand here, never in the ledger, so that they can go."""

    journey = models.OneToOneField(Journey, models.CASCADE, related_name="application")
    form = models.ForeignKey(WebForm, models.PROTECT, null=True, blank=True, related_name="applications")
    submission = models.CharField(
        max_length=64, null=True, blank=True, unique=True, help_text="Names one filling-in of a form."
    )
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Hash of form, person and message: tells a second click."
    )
    message = models.TextField(_("message"), blank=True)
    answers = models.JSONField(
        _("as typed"), default=dict, help_text="Name and addresses as the person gave them."
    )
    utm = models.JSONField(_("campaign marks"), default=dict)
    referrer = models.CharField(_("came from"), max_length=500, blank=True)
    consent_text = models.TextField(_("consent"), blank=True)
    consent_at = models.DateTimeField(_("consented at"), null=True, blank=True)
    received_at = models.DateTimeField(_("received at"))
    erased_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        journey_id: int
        form_id: int | None

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        constraints = [
            models.CheckConstraint(
                condition=Q(consent_text="") | Q(consent_at__isnull=False),
                name="application_consent_has_time",
            )
        ]
        indexes = [
            models.Index(
                fields=["fingerprint", "-received_at"],
                condition=~Q(fingerprint=""),
                name="application_second_click",
            ),
            GinIndex(application_terms(), name="application_terms"),
        ]

    def __str__(self) -> str:
        return f"#{self.journey_id}"


class PendingApplication(models.Model):
    """A filled-in form that waits for its e-mail to be confirmed; swept away where it never is."""

    form = models.ForeignKey(WebForm, models.CASCADE, related_name="pending")
    submission = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    email = models.EmailField()
    answers = models.JSONField()
    utm = models.JSONField(default=dict)
    referrer = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=8, blank=True)
    consent_text = models.TextField(blank=True)
    created_at = models.DateTimeField()
    mail_claimed_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    journey = models.ForeignKey(Journey, models.CASCADE, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="pending_by_age"),
            models.Index(fields=["email", "-created_at"], name="pending_by_email"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Attempts(models.Model):
    """How often somebody tried something in the running period; the address itself is not kept, only its hash."""

    key = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key


def new_submission() -> str:
    """Return the name of one filling-in of a form."""
    return uuid.uuid4().hex
