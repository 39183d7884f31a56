"""Other people's models on the Sampling page: typed, linked, downloaded, uploaded; in Streamlit's own test browser."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
from streamlit.testing.v1 import AppTest

from engine.denoiser import NetDenoiser
from engine.interop import hub, pretrained
from engine.interop.pretrained import Card
from engine.runs import service as training_service
from engine.runs.service import TrainingService
from playground import preload
from playground.labs.shared import opening
from playground.labs.shared.opening import Opening

from checkpoints_to_try import denoiser_of, save_sound

SECONDS = 60.0


def _sampling() -> None:
    from playground.streamlit_ui import sampling

    sampling.show()


@pytest.fixture(autouse=True)
def _nothing_but_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(training_service, "_service", TrainingService())
    # Loading behind the first paint freezes the garbage collector and sets threads: nothing for a process full of tests.
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr(preload, "start", lambda: ready)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def _page(**link: str) -> AppTest:
    at = AppTest.from_function(_sampling, default_timeout=SECONDS)
    for name, value in {"steps": "2", "count": "2", **link}.items():
        at.query_params[name] = value
    return _run(at)


def _run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception
    return at


def _chosen(at: AppTest) -> str:
    return str(at.session_state["sampling/controls"].model)


def _settled(at: AppTest) -> AppTest:
    current: Opening = at.session_state["sampling/opening"]
    current.wait(SECONDS)
    return _run(at)


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in (path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, f"model/{file.relative_to(folder)}")
    return out.getvalue()


def test_a_folder_is_typed_and_chosen(tmp_path: Path) -> None:
    folder = str(save_sound(tmp_path / "sound"))
    at = _page()
    at.text_input(key="sampling/folder").set_value(folder)
    _run(at)
    assert _chosen(at) == folder
    assert not at.error


def test_a_link_with_a_folder_opens_it(tmp_path: Path) -> None:
    folder = str(save_sound(tmp_path / "sound"))
    at = _page(model=folder, labels="one", label="2")
    assert _chosen(at) == folder
    assert at.session_state["sampling/controls"].label == 2
    assert not at.error


def test_a_model_that_needs_labels_is_set_so_that_it_draws(tmp_path: Path) -> None:
    plain = denoiser_of()
    without = NetDenoiser(plain.net, plain.schedule, plain.target, 4, has_null_class=False)
    pretrained.save(tmp_path / "four", without, plain.net.state_dict(), Card())
    at = _page()
    at.text_input(key="sampling/folder").set_value(str(tmp_path / "four"))
    _run(at)
    assert at.session_state["sampling/controls"].scale == 1
    assert not at.error
    assert any("has no class for “none”" in error.value for error in _page(model=str(tmp_path / "four")).error)


def test_a_name_of_the_hub_is_fetched_when_the_reader_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, go_on = save_sound(tmp_path / "sound"), threading.Event()

    def fetched(name: hub.HubName, progress: Callable[[int, int], None] | None = None) -> Path:
        assert progress is not None
        progress(30_000_000, 143_000_000)
        assert go_on.wait(SECONDS)
        monkeypatch.setattr(hub, "cached", lambda name: folder)
        return folder

    monkeypatch.setattr(hub, "fetch", fetched)
    at = _page(model="google/ddpm-tiny")
    assert at.text_input(key="sampling/folder").value == "google/ddpm-tiny"  # the link fetches nothing by itself
    assert not at.session_state["sampling/opened"]
    at.button(key="sampling/fetch").click()
    _run(at)
    while not at.session_state["sampling/opening"].state.total:
        time.sleep(0.01)
    _run(at)
    assert any("30 of 143 MB" in str(bar.proto) for bar in at.get("progress"))
    go_on.set()
    _settled(at)
    assert _chosen(at) == "google/ddpm-tiny"
    assert "sampling/opening" not in at.session_state


def test_without_a_network_it_says_what_to_do() -> None:
    at = _page()
    at.text_input(key="sampling/folder").set_value("google/ddpm-tiny")
    _run(at)
    at.button(key="sampling/fetch").click()
    _run(at)
    _settled(at)
    assert any("hf download google/ddpm-tiny" in error.value for error in at.error)
    assert _chosen(at) == "digits"  # nothing is lost
    at.button(key="sampling/opening over").click()
    _run(at)
    assert not at.error


def test_an_upload_is_kept_and_chosen_and_its_link_opens(tmp_path: Path) -> None:
    content = _zipped(save_sound(tmp_path / "sound"))
    at = _page()
    at.file_uploader(key="sampling/upload0").upload("mine.zip", content)
    _run(at)
    at.button(key="sampling/open upload").click()
    _run(at)
    _settled(at)
    name = _chosen(at)
    assert name.startswith("upload:")
    assert not at.error
    assert _chosen(_page(model=name)) == name
    lost = _page(model="upload:0123456789abcdef")
    assert any("upload it again" in error.value for error in lost.error)


def test_what_a_trainer_saved_is_uploaded_with_its_size(tmp_path: Path) -> None:
    import torch
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    unet = Unet(dim=8, dim_mults=(1, 2), channels=1, attn_dim_head=8, attn_heads=2)
    file = io.BytesIO()
    torch.save({"model": GaussianDiffusion(unet, image_size=8, timesteps=20).state_dict()}, file)
    at = _page()
    at.file_uploader(key="sampling/upload0").upload("model-3.pt", file.getvalue())
    _run(at)
    at.number_input(key="sampling/upload size").set_value(8)
    at.button(key="sampling/open upload").click()
    _run(at)
    _settled(at)
    assert _chosen(at).startswith("upload:")


def test_an_upload_that_is_no_model_is_told(tmp_path: Path) -> None:
    at = _page()
    at.file_uploader(key="sampling/upload0").upload("mine.zip", b"nothing")
    _run(at)
    at.button(key="sampling/open upload").click()
    _run(at)
    _settled(at)
    assert any("This is no zip" in error.value for error in at.error)


def test_an_opening_that_is_cancelled_ends_and_whatever_breaks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    go_on = threading.Event()

    def work(report: opening.Report) -> str:
        report(1, 2)
        assert go_on.wait(SECONDS)
        report(2, 2)
        return "never"

    job = Opening("x", work)
    job.stop()
    assert job.state.status == "stopped"
    go_on.set()
    job.wait(SECONDS)
    assert (job.state.status, job.state.result) == ("stopped", None)

    def broken(report: opening.Report) -> str:
        raise KeyError("of the library")

    job = Opening("x", broken)
    job.wait(SECONDS)
    assert job.state.status == "failed"
    assert "of the library" in job.state.error
    assert "Traceback" in capsys.readouterr().err
