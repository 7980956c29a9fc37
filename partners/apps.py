from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = _("Partners")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from funnel import acts, outbox, registry
        from funnel.stages import Happening

        from . import access, consumers, domain, forms, navigation, panels
        from .api.views import PartnerViewSet, ReferralViewSet
        from .models import Referral

        acts.register("refer", form=forms.ReferForm, perform=domain.refer)
        acts.register("return_referral", form=forms.ReturnReferralForm, perform=domain.return_referral)
        acts.register(Happening.PARTNER_ACCEPTED, form=forms.TakeForm, perform=domain.take, bulk=False)
        acts.register(Happening.PARTNER_DECLINED, form=forms.DeclineForm, perform=domain.decline, bulk=False)
        acts.register(
            Happening.PARTNER_OUTCOME, form=forms.OutcomeForm, perform=domain.report_outcome, bulk=False
        )
        registry.on_annulled[Happening.PARTNER_HANDOFF] = domain.withdraw
        registry.annul_guards[Happening.PARTNER_HANDOFF] = domain.answered
        for answer in domain.ANSWERS:
            registry.on_annulled[answer] = domain.restate
        reasons = dict(Referral.ReturnReason.choices)
        registry.reason_words |= {
            Happening.PARTNER_DECLINED: reasons,
            Happening.REFERRAL_RETURNED: reasons,
        }
        registry.visibility.append(access.referred_to)
        registry.history_values[Happening.PARTNER_HANDOFF] = domain.name_partners
        outbox.register("partners", events=consumers.TELLS, handle=consumers.notify)
        registry.journey_panels.append(("partners/_panel.html", panels.on_journey))
        registry.navigation.append(navigation.entries)
        registry.api_routes += [
            ("partners", PartnerViewSet, "partner"),
            ("referrals", ReferralViewSet, "referral"),
        ]
