"""The past of a company that moves in: journeys and events from two CSV files, as docs of the import describe them.

One transaction: either all good rows land or none. What lands is idempotent by `event_id`; nobody is notified of it.
"""

from .files import CsvFile, FileProblem, Uncertain
from .importing import Counts, Summary, import_history
from .rows import Rejection

__all__ = ["Counts", "CsvFile", "FileProblem", "Rejection", "Summary", "Uncertain", "import_history"]
