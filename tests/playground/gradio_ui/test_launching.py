"""How the Gradio app is started: what can be said, what is answered, and who is let in to what."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from engine.recipes.recipe import Recipe
from engine.storage import budgets
from playground.gradio_ui import compat, launch, options
from playground.gradio_ui import launch_text as text
from playground.gradio_ui.api_errors import LONGEST, sentence
from playground.policy import limits, mode
from playground.serving import zerogpu
from playground.serving.request_filter import ENVELOPE, RequestFilter
from playground.serving.run_time_limit import RunTimeLimit

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "DIFFUSION_PLAYGROUND_RUNS"):
        monkeypatch.delenv(name, raising=False)
    before = mode.is_public()
    yield
    mode.set_public(before)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_public_mode_is_on_where_strangers_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not options.parse([]).public
    assert options.parse(["--share"]).public
    assert options.parse(["--public"]).public
    assert not options.parse(["--share", "--no-public"]).public
    assert options.parse([]).host == "127.0.0.1"
    monkeypatch.setenv("SPACE_ID", "ada/play")
    assert options.parse([]).public
    assert options.parse([]).host == "0.0.0.0"
    assert not options.parse(["--no-public"]).public


@pytest.mark.parametrize("given", ["ada", "ada:", ":lovelace", " :x", ""])
def test_a_password_without_a_name_is_refused(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert text.WRONG_AUTH in refused(capsys, "--auth", given)


def test_names_and_passwords() -> None:
    auth = options.parse(["--auth", "ada:love:lace", "--auth", " bob :x "]).auth
    assert auth == (("ada", "love:lace"), ("bob", "x "))


def test_what_cannot_be_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert text.TWICE in refused(capsys, "--auth", "ada:1", "--auth", "ada:2")
    for port in ("0", "65536", "-1", "x", "٣"):
        assert text.WRONG_PORT in refused(capsys, f"--port={port}")
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda _: None)
    assert text.NO_MCP in refused(capsys, "--mcp")
    monkeypatch.setenv("SPACE_ID", "ada/play")
    assert text.NO_SHARE_ON_SPACES in refused(capsys, "--share")


def test_a_taken_port_and_a_strange_host_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert launch.main(["--port", str(port)]) == 1
    assert capsys.readouterr().err == text.taken(port) + "\n"
    for host in ("203.0.113.7", "no.such.host.invalid", "x" * 300):
        assert launch.main(["--host", host]) == 1
        said = capsys.readouterr().err
        assert said.startswith("The playground cannot listen at")
        assert said.count("\n") == 1


def told(**changes: object) -> str:
    chosen = options.Options(
        **{"share": False, "auth": (), "host": "127.0.0.1", "port": None, "public": False, "mcp": False} | changes
    )
    mode.set_public(chosen.public)
    demo = SimpleNamespace(local_url="http://127.0.0.1:7860/", server_port=7860, share_url=changes.get("link"))
    return "\n".join(launch._startup_lines(chosen, demo))  # type: ignore[arg-type]


def test_who_can_reach_it_is_said() -> None:
    assert "this machine only" in told()
    assert "--auth" not in told()
    open_to_all = told(host="0.0.0.0")
    assert "Everyone on its network" in open_to_all
    assert text.OPEN_TO_ALL in open_to_all
    assert text.NOT_PUBLIC in open_to_all
    guarded = told(host="0.0.0.0", auth=(("ada", "x"),), public=True)
    assert "Visitors need" in guarded
    assert text.OPEN_TO_ALL not in guarded
    assert f"{limits.PUBLIC.images} images" in guarded
    assert text.NO_SHARE_LINK in told(share=True, public=True)


def test_a_space_says_where_runs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACE_ID", "ada/play")
    assert "lost when the Space restarts" in told(public=True)
    monkeypatch.setattr(options, "BUCKET", str(tmp_path))
    assert options.runs_folder() is None  # a folder, and no bucket
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(tmp_path))
    assert options.runs_folder() == f"{tmp_path}/runs"
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", "elsewhere")
    assert options.runs_folder() is None
    assert "elsewhere" in told(public=True)


# --- what may be asked for --------------------------------------------------------------------------------------------


def test_a_sentence_for_strangers_names_no_place_on_this_machine() -> None:
    said = sentence(ValueError(f"“{ROOT}/assets/data/digits.npz” is damaged,\nsee {Path.home()}/x and " + "y" * 1000))
    assert str(ROOT) not in said
    assert "assets" not in said
    assert "\n" not in said
    assert len(said) == LONGEST


def test_a_run_has_its_time_over_all_its_parts() -> None:
    stopped: list[str] = []
    now: list[str | None] = ["a"]
    service = SimpleNamespace(trains=lambda: now[0], stop=stopped.append)
    keeper = RunTimeLimit(service, 10)  # type: ignore[arg-type]
    keeper.check(9)
    now[0] = None
    keeper.check(100)
    now[0] = "b"
    keeper.check(9)
    assert not stopped
    now[0] = "a"
    keeper.check(1)
    assert stopped == ["a"]


# --- request filter ---------------------------------------------------------------------------------------------------


def requested(path: str, chunks: list[bytes], told_length: int | None = None) -> tuple[int | None, int]:
    """Status that the filter itself gave, and how many bytes came through."""
    through, answered = 0, []

    async def app(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def,type-arg]
        nonlocal through
        while (message := await receive())["type"] == "http.request":
            through += len(message["body"])
            if not message["more_body"]:
                return

    queue = [{"type": "http.request", "body": c, "more_body": k + 1 < len(chunks)} for k, c in enumerate(chunks)]

    async def receive() -> dict:  # type: ignore[type-arg]
        return queue.pop(0)

    async def send(message: dict) -> None:  # type: ignore[type-arg]
        answered.append(message)

    length = told_length if told_length is not None else sum(map(len, chunks))
    headers = [(b"content-length", str(length).encode())] if told_length != -1 else []
    asyncio.run(
        RequestFilter(app, upload=10_000_000, upload_route=compat.UPLOAD, unused_routes=compat.UNUSED_ROUTES)(
            {"type": "http", "path": path, "headers": headers}, receive, send
        )
    )
    return (answered[0]["status"] if answered else None), through


def test_the_request_filter_lets_in_what_is_bounded() -> None:
    assert requested("/gradio_api/queue/join", [b"x" * 1000]) == (None, 1000)
    assert requested("/gradio_api/queue/join", [b""], told_length=budgets.REQUEST_BYTES + 1) == (413, 0)
    assert requested("/gradio_api/upload", [b"x" * budgets.REQUEST_BYTES, b"x" * budgets.REQUEST_BYTES])[0] is None
    assert requested("/gradio_api/upload", [b""], told_length=10_000_001 + ENVELOPE) == (413, 0)
    megabyte = b"x" * 1_000_000
    assert (
        requested("/gradio_api/queue/join", [megabyte] * 9, told_length=-1)[1] <= budgets.REQUEST_BYTES
    )  # who does not say how much
    for path in ("/gradio_api/process_recording", "/gradio_api/deep_link", "/monitoring/x", "/gradio_api/vibe-code"):
        assert requested(path, [b""])[0] == 404


# --- ZeroGPU ----------------------------------------------------------------------------------------------------------


def test_elsewhere_zerogpu_has_no_effect() -> None:
    assert not zerogpu.is_zerogpu()
    from playground.policy.visitor import HOST

    model = HOST.open_model("digits")
    recipe = Recipe(steps=2, labels=(3,))
    ours, plain = list(zerogpu.frames(recipe, model)), list(recipe.frames(model))
    assert all((a.x == b.x).all() for a, b in zip(ours, plain, strict=True))


FAKE_SPACES = """
import functools, os
scoped, open_calls = [], []
def GPU(duration=None):
    def decorate(function):
        scoped.append((function.__name__, duration))
        @functools.wraps(function)
        def call(*args):
            open_calls.append(duration(*args))
            yield from function(*args)
        return call
    return decorate
"""

ON_ZEROGPU = """
import sys
import spaces
from playground.gradio_ui import launch
demo = launch.build(launch.parse([]))
assert [name for name, _ in spaces.scoped] == ["_drawn"], spaces.scoped  # known when the program starts, as ZeroGPU wants it
assert "torch" not in sys.modules  # so CUDA cannot have been touched
assert "borrows its GPU" in str(demo.config), "training says why it stays on the CPU"

from engine.recipes.recipe import Recipe
from engine.training.distributed import best_device
from playground.policy import mode
from playground.policy.visitor import HOST
from playground.serving.request_queue import RequestQueue
assert mode.is_public()
assert best_device().type == "cpu"
model, queue = HOST.open_model("digits"), RequestQueue()
def draw(recipe):
    request = queue.submit("t" * 32, HOST.open_model(recipe.model), {"A": recipe})
    assert request.wait(60) and request.state.status == "finished", request.state
    return request.frames()[-1].x0
recipe = Recipe(steps=3, labels=(3, 4), seeds=(0, 1))
from engine.data.pixels import to_uint8
assert (draw(recipe) == to_uint8(list(recipe.frames(model))[-1].x)).all()
assert spaces.open_calls == [15], spaces.open_calls
draw(Recipe(model="ideal:digits", steps=2))
assert len(spaces.open_calls) == 1  # no network: no GPU is asked for
stream = __import__("playground.serving.zerogpu", fromlist=["x"]).frames(recipe, model)
assert next(stream).step == 0
stream.close()
"""


def test_on_zerogpu_drawing_asks_for_the_gpu(tmp_path: Path) -> None:
    """With a package of that name in its place, which notes what is asked of it."""
    (tmp_path / "spaces.py").write_text(FAKE_SPACES)
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "SPACES_ZERO_GPU": "true", "SPACE_ID": "ada/play"}
    env |= {"GRADIO_TEMP_DIR": str(tmp_path), "DIFFUSION_PLAYGROUND_RUNS": str(tmp_path / "runs")}
    done = subprocess.run(
        [sys.executable, "-c", ON_ZEROGPU], cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_there_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zerogpu, "spaces", ModuleType("spaces"))
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not zerogpu.is_zerogpu()
