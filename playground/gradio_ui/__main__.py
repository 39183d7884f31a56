"""python -m playground.gradio_ui: the playground to share with others. `--help` lists what can be said."""

import sys

from playground.gradio_ui import launch

if __name__ == "__main__":
    sys.exit(launch.main(sys.argv[1:]))
