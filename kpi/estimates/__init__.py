"""Estimates, named as such: the month's end, months without their season, and what is out of the ordinary.

They are made by a worker or by `manage.py kpi_estimates` (`making`), kept in rows and only read by pages (`reading`).
"""

from .reading import Estimates, read

__all__ = ["Estimates", "read"]
