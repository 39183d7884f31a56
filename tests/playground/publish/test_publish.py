"""What goes up to a Space: all that is needed and nothing else, and that it runs where this checkout cannot be seen."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faults import failing

from playground.publish import __main__ as publish
from playground.publish.staging import ROOT, PublishError, needed, stage

SECRETS = re.compile(rb"hf_[A-Za-z0-9]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|ghp_[A-Za-z0-9]{30,}")
SITE = sysconfig.get_paths()["purelib"]


@pytest.fixture(scope="module", params=["gradio", "streamlit"])
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, set[str]]:
    folder = tmp_path_factory.mktemp("outside") / request.param
    files = stage(request.param, folder)
    return request.param, folder, {file.as_posix() for file in files}


def test_it_is_all_there_and_nothing_else(staged: tuple[str, Path, set[str]]) -> None:
    front_end, folder, files = staged
    top = {file.split("/")[0] for file in files}
    expected = {"LICENSE", "README.md", "assets", "engine", "playground", "pyproject.toml", "requirements.txt"}
    assert top == expected | ({"Dockerfile"} if front_end == "streamlit" else set())
    entry = {"gradio": "playground/gradio_app.py", "streamlit": "playground/app.py"}
    assert entry[front_end] in files
    assert set(entry.values()) & files == {entry[front_end]}
    assert {"assets/data/digits.npz", "assets/data/emoji.npz", "assets/first_screen/digits.npz"} <= files
    assert sum(file.startswith("assets/licences/") for file in files) >= 3
    stray = [
        f
        for f in files
        if re.search(r"^(tests|docs|benchmarks|runs|data|\.git|\.ci|\.venv)/|__pycache__|\.(jsonl|pyc|part)$", f)
    ]
    assert not stray
    size = sum(os.path.getsize(folder / file) for file in files)
    print(f"{front_end}: {len(files)} files, {size / 1e6:.1f} MB")
    assert size < 40_000_000
    for file in files:
        assert not SECRETS.search((folder / file).read_bytes()), file


def test_a_static_space_is_pages_alone(tmp_path: Path) -> None:
    files = {file.as_posix() for file in stage("static", tmp_path / "pages")}
    assert {"README.md", "LICENSE", "index.html", "sampling.html", "zh/index.html", "service_worker.js"} <= files
    assert not [file for file in files if file.endswith(".py")]
    assert "\nsdk: static\n" in (tmp_path / "pages" / "README.md").read_text(encoding="utf-8")
    assert sum((tmp_path / "pages" / file).stat().st_size for file in files) < 8e6


def test_only_tracked_files_of_the_project_are_taken() -> None:
    names = [
        "engine/a.py",
        "runs/x/run.json",
        "data/y.bin",
        ".env",
        "tests/t.py",
        "playground/publish/staging.py",
        "uv.lock",
    ]
    names += ["assets/checkpoints/digits/metrics.jsonl", "assets/screenshots/start.png", "playground/app.py", "LICENSE"]
    assert needed("gradio", names) == ["engine/a.py", "LICENSE"]
    assert needed("streamlit", names) == ["engine/a.py", "playground/app.py", "LICENSE"]


def test_the_card_says_what_a_space_needs(staged: tuple[str, Path, set[str]]) -> None:
    front_end, folder, _ = staged
    card = (folder / "README.md").read_text()
    assert card.startswith("---\n")
    front = dict(line.split(": ", 1) for line in card.split("---\n")[1].splitlines())
    assert len(front["short_description"]) <= 60
    assert front["license"] == "mit"
    assert "DIFFUSION_PLAYGROUND_RUNS" in card
    if front_end == "gradio":
        pinned = re.search(r"^gradio==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
        assert pinned is not None
        assert front["sdk"] == "gradio"
        assert front["sdk_version"] == pinned[1]
        assert front["python_version"] == '"3.12"'
        assert front["app_file"] == "playground/gradio_app.py"
    else:
        assert front["sdk"] == "docker"
        assert front["app_port"] == "7860"
        docker = (folder / "Dockerfile").read_text()
        assert "--uid 1000" in docker
        assert "--server.port 7860" in docker
        assert "USER user" in docker


def test_what_is_imported_is_installed_there(staged: tuple[str, Path, set[str]]) -> None:
    """Every package that the staged files import without a condition stands in requirements.txt."""
    _, folder, files = staged
    there = {re.split(r"[=><]", line)[0].lower() for line in (folder / "requirements.txt").read_text().splitlines()}
    names = {"PIL": "pillow"}
    extras = {"spaces", "datasets", "denoising_diffusion_pytorch", "pydantic_core"}  # there by themselves, or asked for
    for file in files:
        if not file.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((folder / file).read_text())):
            found = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for package in {name.split(".")[0] for name in found} - {"engine", "playground"} - extras:
                assert (
                    package in sys.stdlib_module_names or names.get(package, package).lower().replace("_", "-") in there
                ), (
                    file,
                    package,
                )


def alone(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder so that this checkout cannot be imported: without the links of an installed project."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "PYTHONPATH": SITE, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-S", *command], cwd=folder, env=env, capture_output=True, text=True, timeout=200, check=False
    )


def test_it_runs_outside_of_the_repository(staged: tuple[str, Path, set[str]], tmp_path: Path) -> None:
    front_end, folder, _ = staged
    assert "ModuleNotFoundError" in alone(tmp_path, "-c", "import engine").stderr  # the test is one
    program = (
        "import runpy, sys\n"
        "if {front_end!r} == 'gradio': runpy.run_path('playground/gradio_app.py', run_name='as_a_module')\n"
        "else: sys.path.insert(0, '.'); from playground.streamlit_ui import home, forward, schedules, sampling, training\n"
        "assert 'torch' not in sys.modules\n"
        "import engine.recipes.recipe, engine.runs.service, playground\n"
        "frame = list(engine.recipes.recipe.Recipe(steps=2, labels=(3,)).frames())[-1]\n"
        "assert frame.x.shape == (1, 1, 28, 28)\n"
        "print(engine.__file__, playground.__file__)"
    )
    done = alone(folder, "-c", program.replace("{front_end!r}", repr(front_end)))
    assert done.returncode == 0, done.stderr
    assert all(str(folder) in path for path in done.stdout.split()[-2:])


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_dry_run_lists_and_sends_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a dry run touched the network")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr(publish, "upload", no_network)
    assert publish.main(["--space", "ada/play", "--dry-run", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "playground/gradio_app.py" in said
    assert re.search(r"\d+ files, [\d.]+ MB", said)
    assert publish.main(["--space", "ada/play", "--dry-run", "--out", str(tmp_path / "out")]) == 1
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["ada", "ada/", "/x", "a/b/c", "ada/pl ay", "ada/..", "-x/y", "a--b/c", "ada/" + "x" * 97, "https://x/y"]
)
def test_a_wrong_name_is_one_sentence(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert publish.main([f"--space={name}", "--dry-run"]) == 1
    assert capsys.readouterr().err == publish.WRONG_NAME + "\n"


def test_without_a_token_nothing_begins(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert publish.main(["--space", "ada/play"]) == 1
    assert capsys.readouterr() == ("", publish.NO_TOKEN + "\n")


class FakeHub:
    """Notes what is asked of it."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._problem = problem

    def create_repo(self, name: str, **how: Any) -> str:
        if self._problem is not None:
            raise self._problem
        self.asked.append((name, how))
        return f"https://hub/{name}"

    def upload_folder(self, **how: Any) -> None:
        self.asked.append((how["repo_id"], how))


def test_what_is_asked_of_the_hub(tmp_path: Path) -> None:
    for front_end, sdk in (("gradio", "gradio"), ("streamlit", "docker")):
        hub = FakeHub()
        assert publish.upload("ada/play", front_end, tmp_path, hub) == "https://hub/ada/play"
        assert hub.asked[0] == ("ada/play", {"repo_type": "space", "space_sdk": sdk, "exist_ok": True})
        assert hub.asked[1][1]["folder_path"] == tmp_path
        assert hub.asked[1][1]["repo_type"] == "space"
        assert hub.asked[1][1]["delete_patterns"] == "*"


def test_a_hub_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    def refusal(status: int) -> Exception:
        error = HfHubHTTPError.__new__(HfHubHTTPError)
        error.response, error.server_message = SimpleNamespace(status_code=status), "You need\na plan."
        return error

    for problem, said in (
        (refusal(401), publish.WRONG_TOKEN),
        (refusal(402), "You need a plan."),
        (OSError("no way"), "no way"),
    ):
        with pytest.raises(publish.PublishError) as told:
            publish.upload("ada/play", "gradio", tmp_path, FakeHub(problem))
        assert said in str(told.value)
        assert "\n" not in str(told.value)


def test_a_folder_that_is_no_checkout_cannot_be_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.publish.staging.ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PublishError, match="git checkout"):
        stage("gradio", tmp_path / "out")


@pytest.mark.fresh
@pytest.mark.timeout(1800)
def test_requirements_install_from_an_empty_environment(tmp_path: Path) -> None:
    """With what a Gradio Space installs beside them, see the documentation of Spaces; then the copy draws."""
    folder = tmp_path / "space"
    stage("gradio", folder)
    pinned = re.search(r"^gradio==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    beside = [f"gradio[oauth,mcp]=={pinned[1]}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    install = ["uv", "pip", "install", "-q", "--python", str(python), "-r", str(folder / "requirements.txt"), *beside]
    subprocess.run(install, check=True)
    program = (
        "import runpy; runpy.run_path('playground/gradio_app.py', run_name='as_a_module')\n"
        "import engine.recipes.recipe; print(len(list(engine.recipes.recipe.Recipe(steps=2).frames())), engine.__file__)"
    )
    done = subprocess.run([str(python), "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2] == "3"
    assert str(folder) in done.stdout


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_fills_up_leaves_nothing_and_is_named(
    there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "deep" / "space"
    if there:
        target.mkdir(parents=True)
    words = ["--space", "ada/diffusion", "--dry-run", "--out", str(target)]
    for first in (0, 1, 2, 5, 100):
        with failing(tmp_path, first):
            assert publish.main(words) == 1
        assert "space” cannot be written: the disk is full" in capsys.readouterr().err
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert publish.main(words) == 0
