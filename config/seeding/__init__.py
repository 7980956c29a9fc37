"""Demo data: a plausible past of a fictional company, made by the same domain functions that people's clicks call.

The same seed and the same last day give the same data. Nobody in it is real: all addresses end in `.example`.
"""

from .making import Made, make

__all__ = ["Made", "make"]
