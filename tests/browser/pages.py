"""Every page of the site, declared: how to open it with nothing in the database and with much, and how it refuses.

An address that is neither here nor among those that are no pages fails `test_every_address_is_declared`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Page:
    """A page by its URL name. `of` names its arguments: a key of the world, or a word of its own after "=".

    `refused` is how it is brought to refuse: parameters of the address as text, or a form as a dict; None where it
    takes neither. `empty` tells whether it can be opened before anything is there, `gone` that it says only that something
    is no longer there.
    """

    name: str
    of: Mapping[str, str] = field(default_factory=dict)
    who: str = "ada"
    query: str = ""
    refused: str | Mapping[str, str] | None = None
    empty: bool | None = None
    gone: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        opens = self.empty if self.empty is not None else all(v.startswith("=") for v in self.of.values())
        return ("empty",) * opens + ("full",) + ("error",) * (self.refused is not None)

    def arguments(self, world: Mapping[str, Any]) -> dict[str, Any]:
        return {name: key[1:] if key.startswith("=") else world[key] for name, key in self.of.items()}


def page(name: str, refused: str | Mapping[str, str] | None = None, /, **more: Any) -> Page:
    of = {key: more.pop(key) for key in list(more) if key not in {"who", "query", "empty", "gone"}}
    return Page(name, of, refused=refused, **more)


NOTHING: Mapping[str, str] = {}
"""A form sent empty: what it requires is asked for."""

PAGES = (
    # signing in
    page("account_login", NOTHING, who=""),
    page("account_reset_password", NOTHING, who=""),
    page("account_change_password", NOTHING),
    page("account_email", NOTHING),
    page("account_logout"),
    page("mfa_index"),
    # the first run
    page("welcome:step", {"name": ""}, key="=organisation"),
    page("welcome:step", {"people-0-name": "x"}, key="=people"),
    page("welcome:step", {"title": ""}, key="=form"),
    page("welcome:step", key="=data"),
    page("welcome:demo"),
    # work
    page("leads:inbox"),
    page("leads:inbox", query="?journey={fresh}", empty=False),
    page("leads:lead-create", NOTHING),
    page("leads:duplicates", pk="fresh"),
    page("leads:pair-list"),
    page("funnel:my-day"),
    page("funnel:task-new", NOTHING),
    page("funnel:journey-task-new", NOTHING, pk="journey"),
    page("funnel:task", NOTHING, pk="task"),
    page("funnel:journey-list", "?state=nonsense"),
    page("funnel:journey-columns"),
    page("funnel:views"),
    page("funnel:view-new", NOTHING),
    page("funnel:view-edit", NOTHING, pk="view"),
    page("funnel:board", "?owner=nobody-of-that-name"),
    page("funnel:board-moves", pk="journey"),
    page("funnel:journey", pk="journey"),
    page("funnel:journey", pk="won"),
    page("funnel:journey-details", {"email": "nonsense"}, pk="journey"),
    page("funnel:journey-fields", pk="journey"),
    page("funnel:journey-move", NOTHING, pk="journey", name="=lose"),
    page("funnel:journey-fact", NOTHING, pk="won", event="=payment_received"),
    page("funnel:event-annul", NOTHING, pk="won", event="event"),
    page("funnel:search", query="?q=client"),
    page("funnel:notifications"),
    page("funnel:contact-list"),
    page("funnel:contact", pk="contact"),
    page("funnel:contact-edit", {"email": "nonsense"}, pk="contact"),
    page("funnel:contact-changes", pk="contact"),
    page("funnel:contact-merge", NOTHING, pk="contact"),
    page("funnel:company-list"),
    page("funnel:company", pk="company"),
    page("funnel:company-edit", NOTHING, pk="company"),
    page("funnel:company-changes", pk="company"),
    page("funnel:company-merge", NOTHING, pk="company"),
    page("briefs:brief-edit", {"act": "fill"}, pk="fresh"),
    page("briefs:brief-version", pk="journey", version="=1"),
    page("deals:handoff-list"),
    page("deals:meeting-list"),
    page("deals:proposal-list"),
    page("deals:proposal", {"act": "send"}, pk="proposal"),
    page("deals:proposal-send", pk="proposal"),
    page("deals:contract-send", pk="contract"),
    page("deals:contract-list"),
    page("deals:contract", {"act": "send"}, pk="contract"),
    page("deals:payment-list"),
    page("partners:partner-list"),
    page("partners:partner-new", NOTHING),
    page("partners:partner", pk="partner"),
    page("partners:partner-edit", NOTHING, pk="partner"),
    page("partners:portal", who="pat", empty=False),
    page("partners:portal-referral", pk="referral", who="pat"),
    page("partners:portal-answer", NOTHING, pk="referral", answer="=decline", who="pat"),
    # figures
    page("kpi:dashboard", "?month=nonsense"),
    page("kpi:dashboard-marketing"),
    page("kpi:dashboard-sales"),
    page("kpi:attention"),
    page("kpi:records", "?metric=nonsense", query="?metric=leads_valid"),
    page("kpi:panel", key="=cohorts"),
    page("kpi:campaigns", "?month=nonsense"),
    page("kpi:plan-grid"),
    page("kpi:plan-import", NOTHING),
    page("kpi:staff", "?day=nonsense"),
    page("kpi:staff-person", pk="seller"),
    page("kpi:staff-rows", column="=moves"),
    page("kpi:digest"),
    page("kpi:digest-preview"),
    page("kpi:digest-stop", token="digest", who=""),
    # settings
    page("funnel:settings"),
    page("funnel:profile", {"name": "x" * 151}),
    page("funnel:notices"),
    page("funnel:organisation", {"name": ""}),
    page("funnel:setting-changes"),
    page("funnel:user-list"),
    page("funnel:user-new", NOTHING),
    page("funnel:user", {"role": "king"}, pk="seller"),
    page("funnel:user-leave", {"sales": "nobody"}, pk="seller"),
    page("funnel:team-new", NOTHING),
    page("funnel:team", NOTHING, pk="team"),
    page("funnel:stage-limits", NOTHING),
    page("funnel:rate-list"),
    page("funnel:rate-new", NOTHING),
    page("funnel:rate-import", NOTHING),
    page("funnel:rate", NOTHING, pk="rate"),
    page("funnel:rate-history", currency="=USD", empty=False),
    page("funnel:token-list", NOTHING),
    page("funnel:custom-field-list"),
    page("funnel:custom-field-new", NOTHING),
    page("funnel:custom-field", NOTHING, pk="custom"),
    *(page("funnel:catalogue", slug=f"={slug}") for slug in ("sources", "campaigns", "services", "reasons")),
    page("funnel:catalogue-new", NOTHING, slug="=reasons"),
    page("funnel:catalogue-entry", {"label": "x" * 151}, slug="=services", pk="service"),
    page("leads:form-list"),
    page("leads:form-new", NOTHING),
    page("leads:form-edit", NOTHING, pk="form"),
    page("leads:campaign-new", NOTHING),
    page("leads:campaign-costs", NOTHING),
    page("leads:campaign-edit", {"label": "x" * 151}, pk="campaign"),
    page("leads:import-list", NOTHING),
    page("leads:import", pk="import"),
    page("briefs:template-list"),
    page("briefs:template-default", {"act": "save", "q0-kind": "text", "q0-label": "", "q0-help": "x"}),
    page("briefs:template-edit", service="service"),
    # for those outside
    page("leads:form", NOTHING, slug="=contact", who=""),
    page("leads:form-thanks", slug="=contact", who=""),
    page("leads:form-confirm", slug="=contact", token="=nonsense", who="", gone=True),
    page("briefs:client-brief", key="brief_key", who=""),
    page("deals:public-proposal", token="proposal_token", who=""),
    # for those who build the interface
    page("funnel:gallery"),
)

NO_PAGES: Mapping[str, frozenset[str]] = {
    "answers to programs": frozenset({"healthz", "readyz", "metrics"}),
    "leads elsewhere": frozenset(
        [
            "funnel:home",
            "welcome:welcome",
            "funnel:view",
            "funnel:notification",
            "account_signup",
            "socialaccount_signup",
        ]
    ),
    "takes a form and leads elsewhere": frozenset(
        [
            "set_language",
            "welcome:leave",
            "welcome:demo-load",
            "welcome:demo-remove",
            "funnel:theme",
            "funnel:board-drop",
            "funnel:journey-bulk",
            "funnel:bulk-stop",
            "funnel:bulk-undo",
            "funnel:cell-undo",
            "funnel:view-save",
            "funnel:view-move",
            "funnel:view-delete",
            "funnel:view-restore",
            "funnel:files",
            "funnel:file-remove",
            "funnel:file-restore",
            "funnel:journey-compose",
            "funnel:journey-undo",
            "funnel:act-undo",
            "funnel:task-undo",
            "funnel:task-act",
            "funnel:notifications-read",
            "funnel:contact-unmerge",
            "funnel:contact-alike",
            "funnel:company-unmerge",
            "funnel:company-alike",
            "funnel:single-keys",
            "funnel:setting-undo",
            "funnel:user-invite",
            "funnel:user-password",
            "funnel:team-remove",
            "funnel:rate-remove",
            "funnel:token-revoke",
            "leads:inbox-share",
            "leads:inbox-take",
            "leads:import-land",
            "leads:import-undo",
            "leads:first-meeting",
            "leads:application-keep",
            "leads:pair-merge",
            "leads:pair-apart",
            "leads:pair-back",
            "briefs:brief-link",
            "briefs:template-drop",
            "deals:proposal-totals",
            "deals:contract-lawyer",
            "deals:proposal-link",
            "deals:contract-link",
            "kpi:plan-undo",
        ]
    ),
    "a part of a page": frozenset(
        [
            "funnel:board-column",
            "funnel:journey-cell",
            "funnel:journey-field",
            "funnel:field-history",
            "funnel:journey-subject",
            "funnel:mention-list",
            "funnel:notifications-new",
            "funnel:task-put-off",
        ]
    ),
    "a file": frozenset(
        [
            "funnel:journey-export",
            "funnel:file",
            "leads:import-rejected",
            "deals:meeting-ics",
            "deals:proposal-pdf",
            "deals:contract-pdf",
            "deals:contract-file",
            "deals:public-proposal-pdf",
            "deals:public-contract-pdf",
            "deals:public-contract-file",
            "kpi:dashboard-export",
            "kpi:plan-download",
            "kpi:staff-file",
            "mfa_download_recovery_codes",
        ]
    ),
    "seen by tests of its own, for it takes a way to get there": frozenset(
        [
            "funnel:bulk-job",
            "deals:proposal-compare",
            "deals:instalment-move",
            "kpi:digest-mail",
            "account_reauthenticate",
            "account_reset_password_from_key",
            "account_reset_password_from_key_done",
            "account_reset_password_done",
            "account_email_verification_sent",
            "account_confirm_login_code",
            "account_confirm_email",
            "account_inactive",
            "account_set_password",
            "mfa_authenticate",
            "mfa_reauthenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
            "mfa_list_webauthn",
            "mfa_add_webauthn",
            "mfa_reauthenticate_webauthn",
            "mfa_remove_webauthn",
            "mfa_edit_webauthn",
            "mfa_login_webauthn",
            "socialaccount_login_cancelled",
            "socialaccount_login_error",
            "socialaccount_connections",
            "openid_connect_login",
            "openid_connect_callback",
        ]
    ),
}
"""Addresses that are no pages of their own, by what they are."""
