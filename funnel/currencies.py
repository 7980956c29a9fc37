"""How many digits after the point a currency has, by ISO 4217."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

WHOLE: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
     "XPF"}
)  # fmt: skip
FINE: Final = frozenset(
    {"BHD", "CLF", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "UYW"}
)  # fmt: skip
"""Those with three digits or more: amounts here are kept in hundredths, so no organisation counts in them."""


def digits(code: str) -> int:
    """Return how many digits amounts in the currency have here: none or two."""
    return 0 if code in WHOLE else 2


def step(code: str) -> Decimal:
    """Return the smallest amount of the currency."""
    return Decimal(1).scaleb(-digits(code))
