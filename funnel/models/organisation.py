"""The one organisation: its zone, currency, working hours and clocks."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, cast

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from funnel import currencies, registry
from funnel.clock import MIDNIGHT, BusinessClock
from funnel.stages import MONEY_EVENTS

_kept: ContextVar[list[Any] | None] = ContextVar("organisation", default=None)


def zones() -> set[str]:
    """Return the time zones that mean the same on every machine, in Python and in the database."""
    return zoneinfo.available_timezones() - {"localtime", "Factory"}


def validate_zone(value: str) -> None:
    """Refuse a time zone that the zone database does not know."""
    if value not in zones():
        raise ValidationError(_("“%(value)s” is not a known time zone."), params={"value": value})


def working_week() -> list[int]:
    return [1, 2, 3, 4, 5]


class Organisation(models.Model):
    """Settings that every figure and clock depends on; exactly one row, made by a migration."""

    name = models.CharField(_("name"), max_length=150, default="My company")
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_zone])
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("A currency has three capital letters, such as EUR."))],
    )
    opens = models.TimeField(_("opens at"), default=dt.time(9))
    closes = models.TimeField(
        _("closes at"), default=dt.time(18), help_text=_("00:00 is the end of the day.")
    )
    business_days = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        verbose_name=_("business days"),
        default=working_week,
        help_text=_("1 is Monday."),
    )
    holidays = ArrayField(models.DateField(), verbose_name=_("holidays"), default=list, blank=True)
    first_response_minutes = models.PositiveIntegerField(
        _("first response within, business minutes"), default=60
    )
    handoff_hours = models.PositiveIntegerField(
        _("handoff decided within, business hours"),
        default=8,
        help_text=_("An offer left undecided for longer goes back to marketing; 0 leaves it open."),
    )
    referral_hours = models.PositiveIntegerField(
        _("referral answered within, business hours"),
        default=0,
        help_text=_("A referral left unanswered for longer goes back to marketing; 0 leaves it open."),
    )
    meeting_to_brief_days = models.PositiveSmallIntegerField(_("meeting to brief window, days"), default=14)
    sal_quality_days = models.PositiveSmallIntegerField(_("brief to acceptance window, days"), default=7)
    link_days = models.PositiveSmallIntegerField(
        _("client links expire after, days"),
        default=90,
        help_text=_("Counted from the last version sent; 0: they do not expire."),
    )
    undo_days = models.PositiveSmallIntegerField(_("undo window of a merge, days"), default=30)

    class Meta:
        verbose_name = _("organisation")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="organisation_only_one"),
            models.CheckConstraint(
                condition=models.Q(opens__lt=models.F("closes")) | models.Q(closes=MIDNIGHT),
                name="organisation_hours",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.opens and self.closes and self.opens >= self.closes != MIDNIGHT:
            raise ValidationError({"closes": _("The day must close after it opens.")})
        if not self.business_days:
            raise ValidationError({"business_days": _("Name at least one business day.")})
        stood = type(self).objects.filter(pk=self.pk).values_list("currency", flat=True).first()
        if stood not in {None, self.currency} and _has_money():
            words = _("The currency stays %(currency)s: signatures, payments or costs in it are on record.")
            raise ValidationError({"currency": words % {"currency": stood}})
        if self.currency in currencies.FINE and stood != self.currency:
            words = _(
                "Amounts in %(currency)s have more than two digits after the point, which are not kept here."
            )
            raise ValidationError({"currency": words % {"currency": self.currency}})

    @classmethod
    def current(cls) -> Self:
        """Return the organisation as stored now: one query, or one for all within `held`."""
        kept = _kept.get()
        if kept is None:
            return cls.objects.get(pk=1)
        if not kept:
            kept.append(cls.objects.get(pk=1))
        return cast(Self, kept[0])

    @classmethod
    @contextmanager
    def held(cls, known: Self | None = None) -> Iterator[None]:
        """Let everything done inside see the same settings, read once, or those known already: for one act or page."""
        token = _kept.set([known] if known else [])
        try:
            yield
        finally:
            _kept.reset(token)

    @classmethod
    @contextmanager
    def held_on(cls) -> Iterator[None]:
        """Hold the settings as `held` does; within it, go on with those."""
        if _kept.get() is not None:
            yield
            return
        with cls.held():
            yield

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def clock(self) -> BusinessClock:
        """Return the business clock of these settings."""
        return BusinessClock(
            zone=self.zone,
            opens=self.opens,
            closes=self.closes,
            days=frozenset(self.business_days),
            holidays=frozenset(self.holidays),
        )


def _has_money() -> bool:
    """Tell whether amounts other than a demo's stand in the ledger; none can come in until the transaction ends."""
    with connection.cursor() as cursor:
        # acts lock their journeys, and imports this table, before they read the currency
        cursor.execute("LOCK TABLE funnel_journey IN EXCLUSIVE MODE")
    invented = {key for tell in registry.invented for key in tell()}
    event: Any = apps.get_model("funnel", "Event")
    money = event.objects.filter(event__in=MONEY_EVENTS, amount__gt=0)
    return bool(money.exclude(journey__in=invented).exists())


class Rate(models.Model):
    """What one unit of a currency is worth in the organisation's from a day on, until another day has its own."""

    currency = models.CharField(_("currency"), max_length=3)
    into = models.CharField(_("worth in"), max_length=3, db_column="into_currency")
    day = models.DateField(_("from"))
    rate = models.DecimalField(_("rate"), max_digits=20, decimal_places=10)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(fields=["currency", "into", "day"], name="rate_one_a_day"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="rate_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.currency}/{self.into} {self.day}"
