"""A program of its own: season and trend of monthly series apart, by STL.

Reads `{"KEY": [number, …]}` on standard input and writes `{"KEY": {"season": […], "trend": […], "rest": […]}}`; ends
with 3 where statsmodels is not installed. It is run and ends, so that the memory of the libraries is held neither by a
worker nor, ever, by a web process.
"""

import json
import sys


def decompose(numbers: list[float]) -> dict[str, list[float]]:
    """Take a series of two years or more apart; outliers weigh little, a season is the mean of the years' own."""
    try:
        from statsmodels.tsa.seasonal import STL
    except ModuleNotFoundError:
        sys.exit(3)
    found = STL(numbers, period=12, seasonal=13, seasonal_deg=0, robust=True).fit()
    return {"season": list(found.seasonal), "trend": list(found.trend), "rest": list(found.resid)}


if __name__ == "__main__":
    json.dump({key: decompose(numbers) for key, numbers in json.load(sys.stdin).items()}, sys.stdout)
