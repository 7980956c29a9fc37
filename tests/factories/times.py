"""When things happen in tests: from a Monday morning in the past, so that nothing lies in the future."""

import datetime as dt

START = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def later(at: dt.datetime = START, **span: float) -> dt.datetime:
    """Return a moment some minutes, hours or days after another: later(minutes=5)."""
    return at + dt.timedelta(**span)
