"""Forms of people: users, teams, who takes over from whom, tokens, one's own profile."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from .cleaning import EmailField, LineField
from .leaving import Work, takers
from .models import ApiToken, Team, User
from .models.programs import Scope
from .settings_forms import zones
from .stages import Role


def _languages() -> list[tuple[str, str]]:
    return [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person as an administrator sees them; a new one is invited by e-mail, or gets a temporary password."""

    way = forms.ChoiceField(
        label=_("How they get in"),
        required=False,
        choices=[
            ("invitation", _("An invitation by e-mail: they choose a password themselves")),
            ("password", _("A temporary password, shown once, which you hand over")),
        ],
        widget=forms.RadioSelect,
        initial="invitation",
    )

    class Meta:
        model = User
        fields = ("username", "name", "email", "role", "team", "takes_handoffs", "is_active")
        field_classes = {"name": LineField, "email": EmailField}
        labels = {
            "is_active": _("May sign in"),
            "username": _("Sign-in name"),
            "email": _("E-mail"),
            "team": _("Team"),
        }
        help_texts = {
            "is_active": _("Taken away, it ends their sessions and tokens at once."),
            "username": _("Letters, digits and @ . + - _; it names the person in reports and imports."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # the key by which imports and reports name them never changes
            del self.fields["username"], self.fields["way"]
            # taking it away asks first who takes over what they have open
            if self.instance.is_active:
                del self.fields["is_active"]
        else:
            del self.fields["is_active"]
            self.fields["way"].wanted = True  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if email and User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Somebody else has this address."))
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        invited = cleaned.get("way") == "invitation" and cleaned.get("role") != Role.SERVICE
        if invited and "email" in cleaned and not cleaned["email"]:
            self.add_error("email", _("An invitation needs an e-mail address."))
        return cleaned


class HandOverForm(forms.Form):
    """Who takes over what somebody has open; asked only where there is something."""

    marketing = forms.ModelChoiceField(
        User.objects.none(), label=_("Open applications go to"), required=False, to_field_name="username"
    )
    sales = forms.ModelChoiceField(
        User.objects.none(), label=_("Open deals go to"), required=False, to_field_name="username"
    )
    deactivate = forms.BooleanField(
        label=_("They may no longer sign in"),
        required=False,
        help_text=_("Their sessions and tokens end at once. Nothing that they did is lost."),
    )

    def __init__(self, *args: Any, user: User, work: Work, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = {"marketing": work.marketing, "sales": work.sales or work.offers}
        if work.tasks and not any(wanted.values()):
            # tasks without a journey need somebody all the same
            wanted["sales" if user.role == Role.SALESPERSON else "marketing"] = work.tasks
        for half, count in wanted.items():
            if not count:
                del self.fields[half]
                continue
            field = self.fields[half]
            field.queryset = takers(half, besides=user)  # type: ignore[attr-defined]
            field.empty_label = _("Nobody yet: whoever takes them")  # type: ignore[attr-defined]
            field.wanted = True  # type: ignore[attr-defined]
        if not user.is_active:
            del self.fields["deactivate"]


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A team and who is in it."""

    members = forms.ModelMultipleChoiceField(
        User.objects.none(),
        label=_("Who is in it"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each person is in one team at most: whoever is chosen here leaves another."),
    )

    class Meta:
        model = Team
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        there = Q(team=self.instance.pk) if self.instance.pk else Q(pk__in=())
        people = User.objects.filter(Q(is_active=True) & ~Q(role__in=(Role.PARTNER, Role.SERVICE)) | there)
        field = self.fields["members"]
        field.queryset = people.order_by("name", "username")  # type: ignore[attr-defined]
        field.wanted = True  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial["members"] = [user.pk for user in people if user.team_id == self.instance.pk]

    @property
    def values(self) -> dict[str, Any]:
        """Return what a valid form asks for, by the names of the change log."""
        members = sorted(user.pk for user in self.cleaned_data["members"])
        return {"name": self.cleaned_data["name"], "members": members}


class TokenForm(forms.Form):
    """A token for oneself or, by an administrator, for a program's service account."""

    user = forms.ModelChoiceField(User.objects.none(), label=_("Acts as"), empty_label=None)
    name = forms.CharField(label=_("What it is for"), max_length=100)
    days = forms.TypedChoiceField(
        label=_("Good for"),
        required=False,
        coerce=int,
        empty_value=0,
        initial=365,
        choices=[
            (30, _("30 days")),
            (90, _("90 days")),
            (365, _("A year")),
            ("", _("Until it is revoked")),
        ],
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True)
        if actor.role != Role.ADMINISTRATOR:
            people = people.filter(pk=actor.pk)
            self.fields["scopes"].choices = [  # type: ignore[attr-defined]
                choice for choice in Scope.choices if choice[0] != Scope.ADMIN
            ]
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        self.fields["user"].initial = actor.pk
        self.fields["scopes"].widget.inline = True  # type: ignore[attr-defined]


def tokens_of(user: User) -> Any:
    """Return the tokens that a person may see: an administrator everyone's, others their own."""
    tokens = ApiToken.objects.select_related("user").order_by("-pk")
    return tokens if user.role == Role.ADMINISTRATOR else tokens.filter(user=user)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What people say of themselves: their name, language and time zone."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_("Times are shown in it; figures stay in the organisation's."),
    )

    class Meta:
        model = User
        fields = ("name", "language", "time_zone", "single_keys")
        field_classes = {"name": LineField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = zones()
        if self.instance.time_zone and self.instance.time_zone not in dict(known):
            known.append((self.instance.time_zone, self.instance.time_zone))
        self.fields["language"].choices = [("", _("The browser's")), *_languages()]  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [("", _("The organisation's")), *known]  # type: ignore[attr-defined]
