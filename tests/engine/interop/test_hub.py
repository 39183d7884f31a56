"""Models by their name on the Hub: from its cache, laid out as its client lays it out, and from a small Hub of our own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from engine.cli import main
from engine.interop import hub, pretrained
from engine.interop.hub import HubName
from engine.models.opened import ModelError
from engine.recipes.recipe import Recipe
from engine.registry import open_model

from checkpoints_to_try import save_sound, tiny_model

REPO = "someone/ddpm-tiny-8"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _flat(folder: Path) -> Path:
    for file in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
        file.rename(folder / file.name)
    shutil.rmtree(folder / "unet")
    shutil.rmtree(folder / "scheduler")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub, and no network."""
    folder = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    return folder


def _put(cache: Path, source: Path, repo: str = REPO, ref: str = "main") -> Path:
    """Lay a folder into the cache as the client does: blobs by content, a snapshot of links to them, and a ref."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    for file in (path for path in source.rglob("*") if path.is_file()):
        blob = home / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (home / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
    (home / "refs" / ref).write_text(COMMIT)
    return snapshot


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google/ddpm-cifar10-32", HubName("google/ddpm-cifar10-32")),
        ("a/b@refs/pr/3", HubName("a/b", "refs/pr/3")),
        ("a/b@v1.0", HubName("a/b", "v1.0")),
        ("digits", None),
        ("a/b/c", None),
        ("/a/b", None),
        ("../b", None),
        ("a/..", None),
        ("a/b@../../x", None),
        ("a--b/c", None),
        ("", None),
        ("a/b\n", None),
        ("https://example.org/model", None),
    ],
)
def test_what_could_be_a_name_of_the_hub(name: str, expected: HubName | None) -> None:
    assert hub.parse(name) == expected


@pytest.mark.parametrize("flat", [False, True])
def test_from_the_cache_without_a_network(cache: Path, tmp_path: Path, flat: bool) -> None:
    source = save_sound(tmp_path / "source")
    if flat:
        (source / "card.json").unlink()
        _flat(source)
    snapshot = _put(cache, source)
    model = open_model(REPO)
    assert hub.cached(HubName(REPO)) == snapshot
    assert (model.name, model.title) == (REPO, REPO if flat else "Three classes")
    assert (len(model.class_names), model.needs_label) == ((4, True) if flat else (3, False))
    *_, last = Recipe(model=REPO, steps=2, labels=(1,), scale=1).frames()
    assert last.x.shape == (1, 1, 8, 8)
    assert open_model(REPO).denoiser is model.denoiser  # read once


def test_a_revision_is_another_model(cache: Path, tmp_path: Path) -> None:
    _put(cache, save_sound(tmp_path / "source"), ref="refs/pr/1")
    assert open_model(f"{REPO}@refs/pr/1").shape == (1, 8, 8)
    assert open_model(f"{REPO}@{COMMIT}").shape == (1, 8, 8)
    with pytest.raises(ModelError, match="not in the Hub's cache"):
        open_model(REPO)


def test_a_folder_goes_before_a_name(cache: Path, tmp_path: Path) -> None:
    save_sound(tmp_path / "someone" / "ddpm-tiny-8")
    assert open_model(REPO).shape == (1, 8, 8)


def test_what_is_not_there_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"HF_HUB_OFFLINE.*hf download someone/ddpm-tiny-8.*zip.*HF_HUB_CACHE"):
        open_model(REPO)
    with pytest.raises(ModelError, match="not yet downloaded"):
        open_model(REPO, download=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}")
    with pytest.raises(ModelError, match="cannot be reached") as error:
        open_model(REPO)
    assert "\n" not in str(error.value)


def test_a_name_is_measured_as_a_folder_is(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--samples", "20", "--steps", "1", "--model", REPO]
    assert main(words) == 2
    assert f"hf download {REPO}" in capsys.readouterr().err
    _put(cache, tiny_model(tmp_path / "source"))
    assert main([*words, "--json", str(tmp_path / "q.json")]) == 0
    assert "Fréchet distance" in capsys.readouterr().out
    assert f"--model {REPO} " in json.loads((tmp_path / "q.json").read_text())["command"]
    assert main([*words, "--write-card"]) == 2
    assert "--write-card" in capsys.readouterr().err


@pytest.mark.parametrize("gone", ["unet/config.json", f"unet/{pretrained.WEIGHTS}", "scheduler/scheduler_config.json"])
def test_half_a_download_is_none(cache: Path, tmp_path: Path, gone: str) -> None:
    snapshot = _put(cache, save_sound(tmp_path / "source"))
    (snapshot / gone).unlink()
    assert hub.cached(HubName(REPO)) is None


# --- a Hub of our own -------------------------------------------------------------------------------------------------


class _Hub(BaseHTTPRequestHandler):
    """As much of the Hub as its client asks for: what a repository holds, and its files."""

    repos: dict[str, Path]
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0].strip("/").split("/")
        self.asked.append(f"{self.command} {self.path}")
        api = path[:2] == ["api", "models"]
        repo = "/".join(path[2:4] if api else path[:2])
        revision = path[5] if api and len(path) > 5 else path[3] if not api and len(path) > 3 else "main"
        if repo == "someone/gated":
            return self._refuse(403, "GatedRepo")
        if repo not in self.repos:
            return self._refuse(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        folder = self.repos[repo]
        if api:
            files = [p for p in folder.rglob("*") if p.is_file()]
            siblings = [{"rfilename": str(p.relative_to(folder)), "size": p.stat().st_size} for p in files]
            return self._send(json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode(), body, "json")
        file = folder / "/".join(path[4:])
        return self._send(file.read_bytes(), body, "file") if file.is_file() else self._refuse(404, "EntryNotFound")

    def _send(self, content: bytes, body: bool, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if kind == "json" else "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    """A Hub at this machine, which the client asks."""
    handler = type("Hub", (_Hub,), {"repos": {}, "asked": []})
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{web.server_port}"
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    handler.address = address  # type: ignore[attr-defined]
    yield handler
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.mark.parametrize("flat", [False, True])
def test_a_name_is_downloaded_once_with_progress(server: type[_Hub], tmp_path: Path, flat: bool) -> None:
    source = save_sound(tmp_path / "source")
    (source / "README.md").write_text("not needed")
    (source / "diffusion_pytorch_model.bin").write_bytes(b"not wanted")
    server.repos[REPO] = _flat(source) if flat else source
    told: list[tuple[int, int]] = []
    model = open_model(REPO, progress=lambda done, total: told.append((done, total)))
    assert model.shape == (1, 8, 8)
    size = next(source.rglob(pretrained.WEIGHTS)).stat().st_size
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert not any(name in line for line in server.asked for name in ("README", ".bin"))
    before = len(server.asked)
    assert open_model(REPO).denoiser is model.denoiser
    assert len(server.asked) == before  # the cache, and nobody else, was asked


def test_a_download_that_is_stopped_begins_again(server: type[_Hub], tmp_path: Path) -> None:
    server.repos[REPO] = save_sound(tmp_path / "source")

    class Enough(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        hub.fetch(HubName(REPO), stop)
    assert hub.cached(HubName(REPO)) is None
    assert hub.fetch(HubName(REPO)).is_dir()


def test_what_would_not_open_is_not_downloaded(server: type[_Hub], tmp_path: Path) -> None:
    folder = save_sound(tmp_path / "source")
    index = {"_class_name": "StableDiffusionPipeline", "text_encoder": ["transformers", "CLIPTextModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    server.repos[REPO] = folder
    with pytest.raises(ModelError, match="draws from text"):
        open_model(REPO)
    assert not any(pretrained.WEIGHTS in line for line in server.asked)


def test_pickles_are_told_and_left_where_they_are(server: type[_Hub], tmp_path: Path) -> None:
    folder = save_sound(tmp_path / "source")
    (folder / "unet" / pretrained.WEIGHTS).rename(folder / "unet" / "diffusion_pytorch_model.bin")
    server.repos[REPO] = folder
    with pytest.raises(ModelError, match=r"only there as a pickle.*someone/ddpm-tiny-8@REVISION.*save_pretrained"):
        open_model(REPO)
    assert not any(".bin" in line for line in server.asked)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("someone/nothing", "no such model on the Hub"),
        (f"{REPO}@v9", "has no revision “v9”"),
        ("someone/gated", "accept the terms"),
        ("someone/empty", "no config.json"),
    ],
)
def test_what_the_hub_refuses(server: type[_Hub], tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / "empty").mkdir()
    server.repos |= {REPO: save_sound(tmp_path / "source"), "someone/empty": tmp_path / "empty"}
    with pytest.raises(ModelError, match=match) as error:
        open_model(name)
    assert "\n" not in str(error.value)


def test_the_environment_of_the_hub_is_heeded(server: type[_Hub], tmp_path: Path) -> None:
    """As a reader would say it: HF_ENDPOINT, HF_HUB_CACHE, HF_HUB_OFFLINE, in a process of its own."""
    server.repos[REPO] = save_sound(tmp_path / "source")
    program = f"from engine.registry import open_model; print(open_model({REPO!r}).shape)"
    env = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "elsewhere"), "HF_ENDPOINT": server.address}  # type: ignore[attr-defined]
    root = Path(__file__).resolve().parents[3]
    for offline in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**env, "HF_HUB_OFFLINE": offline, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=200,
        )
        assert done.stdout.strip() == "(1, 8, 8)", done.stderr
