from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BriefsConfig(AppConfig):
    name = "briefs"
    verbose_name = _("Briefs")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from funnel import acts, registry
        from funnel.stages import Happening
        from partners.panels import referral_panels

        from . import domain, forms, panels, queries, subjects  # noqa: F401  the subject registers itself
        from .api.views import BriefViewSet, TemplateViewSet

        acts.register("fill_brief", form=forms.FillBriefForm, perform=domain.fill, bulk=False)
        registry.requirements |= {
            "brief.answers": queries.lacking_answers,
            "brief.verdict": queries.lacking_verdict,
            "brief.can_solve": queries.not_ours,
        }
        registry.steers.append(queries.to_a_partner)
        registry.on_annulled[Happening.BRIEF_FILLED] = domain.withdraw
        registry.on_erased.append(domain.erase)
        registry.path_labels["brief.verdict"] = _("Can we solve it?")
        registry.path_pages["brief"] = "briefs:brief-edit"
        registry.journey_panels.append(("briefs/_panel.html", panels.on_journey))
        referral_panels.append(("briefs/_referral.html", panels.on_referral))
        registry.settings_pages.append(panels.settings_pages)
        registry.api_routes += [
            ("briefs", BriefViewSet, "brief"),
            ("brief-templates", TemplateViewSet, "brief-template"),
        ]
