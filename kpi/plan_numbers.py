"""Numbers of plans as people write them and as cells show them: "1 234,5", "1,234.5", "44%", "$1,000"."""

from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from funnel import formats, numbers
from kpi.measures import Metric

STEP: Final = Decimal("0.0001")
MOST: Final = Decimal(10) ** 14


class NoNumber(numbers.NoNumber):
    """The text is no number that a plan may have; the message says so to whoever wrote it."""


def parse(text: str, metric: Metric) -> Decimal | None:
    """Return the number that a cell of the metric holds, to four decimals; None where it is empty.

    A share may be written as "44%", "44" or "0.44": a bare number up to 1 is the share itself, a larger one per cent.
    Raises NoNumber. `static/js/plans.js` reads by the same rules.
    """
    plain = text.strip()
    if not plain or plain in {"-", formats.DASH, "–"}:
        return None
    share = plain.endswith("%")
    try:
        found = numbers.read(plain.removesuffix("%"), own="")
    except numbers.NoNumber:
        found = None
    if found is None or found < 0 or (share and metric.unit != "percent"):
        raise NoNumber(_("“%(text)s” is no number from 0 up.") % {"text": plain[:40]})
    if metric.unit == "percent" and (share or found > 1):
        found /= 100
    if found >= MOST:
        raise NoNumber(_("“%(text)s” is too large for a plan.") % {"text": plain[:40]})
    return found.quantize(STEP)


def shown(value: Decimal | None, metric: Metric) -> str:
    """Return the text of a cell: what `parse` reads back as the same number."""
    if value is None:
        return ""
    return formats.percent(value, 2) if metric.unit == "percent" else formats.number(value, 4)
