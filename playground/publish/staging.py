"""What goes up: the tracked files that one front end needs to run, and the files that tell a Space what it is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from string import Template

from engine.storage.disk_errors import sentence
from engine.storage.files import atomic_files

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).parent / "templates"
EVERYWHERE = (
    "engine/",
    "playground/",
    "assets/checkpoints/",
    "assets/data/",
    "assets/first_screen/",
    "assets/licences/",
)
ALONE = ("LICENSE", "assets/README.md", "pyproject.toml")
NEVER = re.compile(
    r"playground/publish/|playground/(?:components|browser)/(?:.*\.d\.ts|package\.json|tsconfig\.json|unet\.c)$|assets/checkpoints/.*/metrics\.jsonl$|.*\.py[co]$"
)
OTHERS = {
    "gradio": ("playground/streamlit_ui/", "playground/.streamlit/", "playground/app.py"),
    "streamlit": ("playground/gradio_ui/", "playground/gradio_app.py"),
}
"""Of each front end, what only the other one needs."""


SDKS = {"gradio": "gradio", "streamlit": "docker", "static": "static"}
"""Of each front end, as the Hub names it: Streamlit runs in a container there, and the pages without a server are files."""


class PublishError(ValueError):
    """Why nothing was published; the message is fit to show to a reader."""


def stage(front_end: str, target: Path) -> list[Path]:
    """Fill an empty folder with exactly what goes up, and give its files, relative to it.

    Args:
        front_end: of `SDKS`.
        target: the folder.

    Raises:
        PublishError: where the folder has something in it or cannot be written, which leaves nothing, or where this is no
            checkout of the project.
    """
    if target.exists() and any(target.iterdir()):
        raise PublishError(f"“{target}” is not empty: say another folder with --out.")
    try:
        with atomic_files(target) as part:
            _fill(front_end, part)
    except OSError as error:
        raise PublishError(sentence(error, f"“{target}” cannot be written")) from error
    return sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())


def _fill(front_end: str, folder: Path) -> None:
    if front_end == "static":
        _fill_static(folder)
        return
    for name in needed(front_end, tracked()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(front_end, requirements), encoding="utf-8")
    (folder / "README.md").write_text(_readme(front_end, requirements), encoding="utf-8")
    if SDKS[front_end] == "docker":
        shutil.copyfile(TEMPLATES / "Dockerfile", folder / "Dockerfile")


def _fill_static(folder: Path) -> None:
    from playground.static_site.build import build

    build(folder)
    shutil.copytree(ROOT / "assets" / "licences", folder / "licences")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    front = (TEMPLATES / "static.yaml").read_text(encoding="utf-8")
    body = (TEMPLATES / "README.static.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(f"---\n{front}---\n\n{body}", encoding="utf-8")


def tracked() -> list[str]:
    """Every file of the project that git knows, as it lies on the disk. Raises PublishError where that cannot be known."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PublishError(
            "Only a git checkout of the project can be published: it says which files belong to it."
        ) from error
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def needed(front_end: str, names: list[str]) -> list[str]:
    """Those of the files that go up as they are."""
    return [
        name
        for name in names
        if (name.startswith(EVERYWHERE) or name in ALONE)
        and not name.startswith(OTHERS[front_end])
        and not NEVER.match(name)
    ]


def _requirements(front_end: str, pinned: str) -> str:
    """Gradio Spaces install gradio[oauth,mcp] beside these, which wants an older pydantic than the one that is pinned."""
    if front_end != "gradio":
        return pinned
    kept = [line for line in pinned.splitlines() if not re.match(r"pydantic(-core)?==", line)]
    bound = re.search(r'"(pydantic>=[^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if bound is None:
        raise PublishError("pyproject.toml does not say which pydantic is needed.")
    return "\n".join([*kept, bound[1]]) + "\n"


def _readme(front_end: str, pinned: str) -> str:
    version = re.search(r"^gradio==([\w.]+)", pinned, re.MULTILINE)
    if version is None:
        raise PublishError("requirements.txt does not pin gradio.")
    front = Template((TEMPLATES / f"{front_end}.yaml").read_text(encoding="utf-8"))
    body = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    return f"---\n{front.substitute(gradio=version[1])}---\n\n{body}"
