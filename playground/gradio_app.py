"""The Gradio playground as one file: what Hugging Face Spaces starts. On one's own machine: python -m playground.gradio_ui"""

import sys
from pathlib import Path

# Spaces runs this file by its path, and nothing is installed there: what it imports lies one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playground.gradio_ui import launch

OPTIONS = launch.parse(sys.argv[1:] if __name__ == "__main__" else [])
demo = launch.build(OPTIONS)

if __name__ == "__main__":
    sys.exit(launch.serve(demo, OPTIONS))
