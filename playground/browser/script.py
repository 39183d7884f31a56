"""The worker as one text, with both modules of unet.c in it: what a page makes a worker of (src/team.js, `workersOf`)."""

from __future__ import annotations

import base64
import json

from engine.language import cached
from playground.browser.build import HERE, MODULES
from playground.components import source


@cached(8)
def worker_script() -> str:
    """The script of a classic worker; its texts are in the language that is spoken now. It fetches nothing."""
    plain, relaxed = (base64.b64encode((HERE / name).read_bytes()).decode("ascii") for name in MODULES)
    bundle = source.with_texts(source.bundle("worker", HERE / "src", "start"))
    return f"{bundle}\nstart(self, {json.dumps({'plain': plain, 'relaxed': relaxed})});\n"
