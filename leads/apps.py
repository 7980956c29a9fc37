from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = _("Leads")

    def ready(self) -> None:
        from funnel import acts, registry
        from funnel.stages import Happening

        from . import act_forms as forms
        from . import domain, navigation, pairing, panels, queries, subjects, submissions  # noqa: F401  the subject registers itself
        from .api.costs import CampaignCostViewSet
        from .api.duplicates import CompanyPairViewSet, ContactPairViewSet
        from .api.imports import ImportViewSet
        from .api.views import LeadViewSet
        from .history import jobs

        acts.register("capture", form=forms.CaptureForm)
        acts.register("respond", form=forms.RespondForm, perform=domain.respond)
        acts.register("hold_first_meeting", form=forms.FirstMeetingForm, perform=domain.hold_first_meeting)
        acts.register(
            Happening.PASSED_TO_PRODUCT, form=forms.PassForm, perform=domain.pass_to_product, bulk=False
        )
        registry.on_annulled[Happening.PASSED_TO_PRODUCT] = domain.withdraw_passed_on
        registry.api_routes += [
            ("leads", LeadViewSet, "lead"),
            ("imports", ImportViewSet, "import"),
            ("campaign-costs", CampaignCostViewSet, "campaign-cost"),
            ("contact-pairs", ContactPairViewSet, "contact-pair"),
            ("company-pairs", CompanyPairViewSet, "company-pair"),
        ]
        registry.on_erased += [submissions.erase_words, jobs.forget_files]
        registry.lookalikes |= {"contact": pairing.of_party, "company": pairing.of_party}
        registry.applications.append(queries.said)
        registry.navigation.append(navigation.entries)
        registry.settings_pages.append(navigation.settings_pages)
        registry.journey_panels += [
            ("leads/panel_application.html", panels.application_panel),
            ("leads/panel_duplicates.html", panels.duplicates_panel),
        ]
