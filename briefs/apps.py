from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BriefsConfig(AppConfig):
    name = "briefs"
    verbose_name = _("Briefs")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from funnel import acts, registry
        from funnel.stages import Happening

        from . import domain, forms, queries

        acts.register("fill_brief", form=forms.FillBriefForm, perform=domain.fill, bulk=False)
        registry.requirements |= {
            "brief.answers": queries.lacking_answers,
            "brief.verdict": queries.lacking_verdict,
            "brief.can_solve": queries.not_ours,
        }
        registry.on_annulled[Happening.BRIEF_FILLED] = domain.withdraw
        registry.on_erased.append(domain.erase)
