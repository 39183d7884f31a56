"""What other people's files may cost: every limit on what is read of them, with its reason.

A limit is on what stands in a header, before anything behind it is read or unpacked. tests/test_costs.py opens forged files at
these limits, and measures processor time and memory.
"""

from __future__ import annotations

from typing import Self

MEGABYTE = 1_000_000


class Budget(int):
    """A number that something may not exceed.

    Args:
        most: the number.
        unit: of it.
        why: a sentence.
    """

    unit: str
    why: str

    def __new__(cls, most: int, unit: str, why: str) -> Self:
        budget = super().__new__(cls, most)
        budget.unit, budget.why = unit, why
        return budget


# --- texts ------------------------------------------------------------------------------------------------------------
JSON_BYTES = Budget(MEGABYTE, "bytes", "A recipe, a config or a record; the longest that is written has 60,000.")
API_RECIPE = Budget(100_000, "characters", "A recipe that is sent to an endpoint.")
API_LINK = Budget(8000, "characters", "A link that is sent to an endpoint; browsers cut longer ones.")
REQUEST_BYTES = Budget(4 * MEGABYTE, "bytes", "The body of a request that is no upload.")
LOG_BYTES = Budget(100 * MEGABYTE, "bytes", "A run's log of reports: 250,000 of 400 bytes.")
LOG_LINES = Budget(250_000, "lines", "As many reports as a log is read of; a run logs some thousands.")
LINE_BYTES = Budget(20_000, "bytes", "One line of a log; a report has 400.")

# --- tables of points -------------------------------------------------------------------------------------------------
CSV_BYTES = Budget(50 * MEGABYTE, "bytes", "A table of points.")
CSV_LINES = Budget(1_000_000, "lines", "Lines that are looked at, empty ones too.")
CSV_ROWS = Budget(100_000, "lines", "Rows that are read; those after them are left out, with a notice.")
CSV_LINE = Budget(100_000, "characters", "One line: a thousand columns of numbers have 20,000.")
CSV_POINTS = Budget(5000, "points", "Kept: drawn at random from the rows.")

# --- zips -------------------------------------------------------------------------------------------------------------
ZIP_DIRECTORY = Budget(60 * MEGABYTE, "bytes", "The list of what is in a zip: `zipfile` reads all of it at once.")
ZIP_EXTRA = Budget(4096, "bytes", "Beside the name of one file in it: `zipfile` reads it in quadratic time.")
MODEL_ZIP_FILES = Budget(10_000, "files", "In a zip of a model, which needs six; projects are packed whole.")
PICTURE_ZIP_FILES = Budget(300_000, "files", "In a zip of pictures.")
PICTURE_ZIP_BYTES = Budget(2000 * MEGABYTE, "bytes", "A zip of pictures.")
PICTURE_ZIP_UNPACKED = Budget(8000 * MEGABYTE, "bytes", "The pictures in a zip, unpacked.")
PICTURE_ZIP_PIXELS = Budget(20_000 * MEGABYTE, "pixels", "The pictures in a zip together: five minutes of decoding.")
MODEL_UPLOAD = Budget(2300 * MEGABYTE, "bytes", "A model that is sent to a page: its weights and a little more.")
PICTURES_UPLOAD = Budget(500 * MEGABYTE, "bytes", "A zip of pictures that is sent to a page.")

# --- pictures ---------------------------------------------------------------------------------------------------------
PIXELS = Budget(40 * MEGABYTE, "pixels", "One picture, and all that are decoded at a time: 8 bytes for each pixel.")
SCANNED_PIXELS = Budget(1000 * MEGABYTE, "pixels", "A JPEG may hold any number of scans, each over all pixels.")
SENT_PICTURE = Budget(20 * MEGABYTE, "bytes", "A picture that is sent, or lies in a zip.")
OWN_PICTURE = Budget(100 * MEGABYTE, "bytes", "A picture in a folder of this machine, or on the Hub.")
FOLDER_PICTURES = Budget(2_000_000, "files", "Pictures in a folder of this machine.")
RECIPE_PICTURE = Budget(200 * MEGABYTE, "bytes", "An exported picture that a recipe is read from.")

# --- models and runs --------------------------------------------------------------------------------------------------
PARAMETERS = Budget(500_000_000, "weights", "Two gigabytes of float32: far more than any `UNet2DModel` for pixels.")
WEIGHT_BYTES = Budget(2200 * MEGABYTE, "bytes", "Somewhat more than these weights take.")
TENSOR_HEADER = Budget(2 * MEGABYTE, "bytes", "Names and shapes in a safetensors file; a network has some hundred.")
TRAINER_BYTES = Budget(
    12_000 * MEGABYTE, "bytes", "A `Trainer` saves every weight five times: trained, twice as EMA, two moments of Adam."
)
TRAINER_PICKLE = Budget(2 * MEGABYTE, "bytes", "Names and shapes in such a file; for a thousand weights 700,000 bytes.")
PREVIEW_BYTES = Budget(200 * MEGABYTE, "bytes", "All previews of a run, unpacked: 60 of 16 pictures of 256 × 256.")
ARRAY_BYTES = Budget(100 * MEGABYTE, "bytes", "Arrays that ship, unpacked.")

BUDGETS = {name: value for name, value in globals().items() if isinstance(value, Budget)}
"""All of them, by name."""
