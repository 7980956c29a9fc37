"""Words that migrations store in English in every installation, for the translators.

Sources and reasons are shown through `pgettext("shipped", label)`, questions of the default brief and the first web
form through `gettext`. What somebody has changed is shown as it was typed.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop, pgettext_lazy

LABELS: Final = (
    pgettext_lazy("shipped", "Website"),
    pgettext_lazy("shipped", "Advertising"),
    pgettext_lazy("shipped", "Referral"),
    pgettext_lazy("shipped", "Event"),
    pgettext_lazy("shipped", "Webinar"),
    pgettext_lazy("shipped", "Mailing"),
    pgettext_lazy("shipped", "Tender"),
    pgettext_lazy("shipped", "Partner"),
    pgettext_lazy("shipped", "Incoming call"),
    pgettext_lazy("shipped", "No need"),
    pgettext_lazy("shipped", "No answer"),
    pgettext_lazy("shipped", "No budget"),
    pgettext_lazy("shipped", "Price"),
    pgettext_lazy("shipped", "Chose a competitor"),
    pgettext_lazy("shipped", "Not the right time"),
    pgettext_lazy("shipped", "Not our client"),
    pgettext_lazy("shipped", "Wrong contact details"),
    pgettext_lazy("shipped", "Not ready to buy"),
    pgettext_lazy("shipped", "The brief is incomplete"),
    pgettext_lazy("shipped", "Already being worked on"),
    pgettext_lazy("shipped", "Scope does not fit"),
    pgettext_lazy("shipped", "Terms and timing"),
    pgettext_lazy("shipped", "Trust and references"),
    pgettext_lazy("shipped", "A competitor's offer"),
    pgettext_lazy("shipped", "Legal terms"),
    pgettext_lazy("shipped", "Decided elsewhere"),
    pgettext_lazy("shipped", "Outside what we do"),
    pgettext_lazy("shipped", "Outside our region"),
    pgettext_lazy("shipped", "No capacity now"),
    pgettext_lazy("shipped", "Too small for us"),
)

WORDS: Final = (
    gettext_noop("What is needed?"),
    gettext_noop("The tasks to solve, in plain words."),
    gettext_noop("What budget is there?"),
    gettext_noop("A figure or a range, and whether it is approved."),
    gettext_noop("By when is it needed?"),
    gettext_noop("A date or a period, and what depends on it."),
    gettext_noop("Who decides?"),
    gettext_noop("The position of whoever signs, and who else has a say."),
    gettext_noop("What is used today?"),
    gettext_noop("And what is missing in it."),
    gettext_noop("How many people will use it?"),
    gettext_noop("When could work begin?"),
    gettext_noop("How urgent is it?"),
    gettext_noop("Now"),
    gettext_noop("This quarter"),
    gettext_noop("This year"),
    gettext_noop("Just looking"),
    gettext_noop("Is there a tender?"),
    gettext_noop("What will decide the choice?"),
    gettext_noop("Price, terms, references, other offers."),
    gettext_noop("Contact us"),
)
