from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FunnelConfig(AppConfig):
    name = "funnel"
    verbose_name = _("Funnel")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import act_forms as forms
        from . import (  # noqa: F401  checks and subjects register themselves
            acts,
            checks,
            consumers,
            contacts,
            custom_forms,
            custom_pages,
            domain,
            files,
            letters,
            navigation,
            outbox,
            registry,
            subjects,
            todo_acts,
            todo_settling,
        )
        from .stages import Happening

        registry.navigation.append(navigation.entries)
        registry.settings_pages.append(custom_pages.settings_pages)
        registry.journey_panels.append(("funnel/panel_fields.html", custom_pages.on_journey))
        registry.requirements |= {
            "merge.no_money": domain.money_on,
            "merge.undo_window": domain.outside_undo_window,
        }
        acts.register("capture")  # closed at every stage: applications come in by the doors of leads
        acts.register("lose", form=forms.LoseForm, perform=domain.lose)
        acts.register("reopen", form=forms.ReopenForm, perform=domain.reopen)
        acts.register("merge", form=forms.MergeForm, perform=domain.merge)
        acts.register("unmerge")
        acts.register("mark_spam")
        acts.register(Happening.OWNER_CHANGED, form=forms.OwnerForm, perform=domain.change_owner)
        acts.register(Happening.NOTE_LOGGED, form=forms.NoteForm, perform=domain.log_note)
        acts.register(Happening.ACTIVITY_LOGGED, form=forms.ActivityForm, perform=domain.log_activity)
        acts.register(Happening.SNOOZED, form=forms.SnoozeForm, perform=domain.snooze)
        acts.register(Happening.WOKEN)
        acts.register(
            Happening.PERSONAL_DATA_ERASED, form=forms.EraseForm, perform=domain.erase_personal_data
        )
        outbox.register(
            "notify",
            events=consumers.TELLS,
            handle=consumers.notify,
            only=consumers.concerns_somebody,
        )
        registry.on_erased += [files.erase, letters.erase]
        registry.on_annulled[Happening.ACTIVITY_LOGGED] = contacts.withdraw
        outbox.register(
            "mentions",
            events=consumers.SAYS,
            handle=consumers.tell_mentioned,
            only=consumers.mentions_somebody,
        )
        outbox.register(
            "tasks",
            events=todo_settling.CONCERNS,
            handle=todo_settling.settle,
            only=todo_settling.concerns,
        )
        registry.on_erased.append(todo_acts.erase_words)
