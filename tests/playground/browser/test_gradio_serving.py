"""The Gradio app as others meet it: who is let in, what is served, the API, and a copy that runs where a Space would."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from engine.data.pixels import to_uint8
from engine.recipes.fork import from_png
from engine.recipes.recipe import Recipe, png_bytes
from playground.publish.staging import stage

from servers import ROOT, SLOW, RunServer, free_port, serve

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio")]
SITE = sysconfig.get_paths()["purelib"]


@pytest.fixture(scope="module")
def url(run_gradio: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in public mode, with no runs yet."""
    runs = tmp_path_factory.mktemp("runs")
    with run_gradio(env={"DIFFUSION_PLAYGROUND_RUNS": str(runs)}, args=["--public"]) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def ask(url: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def call(url: str, name: str, body: str) -> str:
    """What a program is told that speaks to the server by hand, with whatever it likes."""
    status, answer = ask(url, f"/gradio_api/call/{name}", body.encode())
    assert status == 200, answer
    return ask(url, f"/gradio_api/call/{name}/{json.loads(answer)['event_id']}")[1].decode()


# --- starting it ------------------------------------------------------------------------------------------------------


@contextmanager
def started(*arguments: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The app with its first lines, up to the one that ends them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "playground.gradio_ui", "--port", str(free_port()), *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line or "Training runs are" in line:
                break
        yield process, lines
    finally:
        process.kill()
        process.wait(10)


def test_what_is_said_and_a_clean_end() -> None:
    with started("--public") as (process, lines):
        said = "\n".join(lines)
        assert "this machine only" in said
        assert "Public mode" in said
        assert "Traceback" not in said
        process.send_signal(2)  # Ctrl-C
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait(60) == 0
        assert rest.strip() == "The playground is closed."


def test_a_space_is_in_public_mode_by_itself() -> None:
    with started(SPACE_ID="ada/play", GRADIO_SERVER_NAME="127.0.0.1") as (_, lines):
        said = "\n".join(lines)
        assert "ada/play" in said
        assert "Public mode" in said
        assert "restarts" in said


def test_without_a_network_there_is_no_share_link_and_one_sentence(tmp_path: Path) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    with started("--share", HF_HOME=str(tmp_path), **nowhere) as (_, lines):
        said = "\n".join(lines)
        assert said.count("No share link could be made") == 1
        assert "Public mode" in said
        assert str(tmp_path) not in said


# --- who is let in ----------------------------------------------------------------------------------------------------


def test_a_password(run_gradio: RunServer, page: Page) -> None:
    with run_gradio(args=["--auth", "ada:lovelace", "--auth", "bob:x"]) as url:
        assert ask(url, "/config")[0] == 401
        assert ask(url, "/gradio_api/info")[0] == 401
        assert ask(url, "/gradio_api/call/schedule", b'{"data": []}')[0] == 401
        for name, password in (("ada", "x"), ("<b>ada</b>", "lovelace"), ("", "")):
            with pytest.raises(Exception, match=r"Could not login|auth"):
                Client(url, auth=(name, password), verbose=False)
        assert Client(url, auth=("bob", "x"), verbose=False).predict(T=10, api_name="/schedule")["T"] == 10
        page.goto(url)
        page.get_by_label("username").fill("<img src=x onerror=alert(1)>")
        page.get_by_label("password").fill("wrong")
        page.get_by_role("button", name="Login").click()
        expect(page.get_by_text("Incorrect")).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        page.get_by_label("username").fill("ada")
        page.get_by_label("password").fill("lovelace")
        page.get_by_role("button", name="Login").click()
        expect(page.locator(".dp-timeline canvas").first).to_be_visible()


def test_nothing_is_served_but_what_is_meant_to_be(url: str) -> None:
    paths = [
        "/etc/passwd",
        "/proc/self/environ",
        "README.md",
        ".git/HEAD",
        ".git",
        "runs/",
        "data/",
        "playground/app.py",
    ]
    paths += [f"{ROOT}/{name}" for name in ("README.md", ".git/HEAD", "assets/data/digits.npz", "runs")]
    paths += ["../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "", "/tmp", str(Path.home() / ".bashrc")]
    for path in paths:
        for before in ("/gradio_api/file=", "/gradio_api/file/", "/file="):
            status, body = ask(url, before + path)
            assert status in (403, 404), (before, path, status)
            assert b"root:" not in body
    for path in (
        "/static/..%2f..%2f..%2fetc/passwd",
        "/assets/../../etc/passwd",
        "/monitoring",
        "/openapi.json",
        "/docs",
    ):
        assert ask(url, path)[0] in (403, 404), path
    config = ask(url, "/config")[1].decode()
    assert str(ROOT) not in config
    assert "site-packages" not in config


def test_a_forged_file_is_refused(url: str) -> None:
    for path in ("/etc/passwd", f"{ROOT}/README.md", "README.md"):
        forged = {"path": path, "meta": {"_type": "gradio.FileData"}}
        said = call(url, "sample", json.dumps({"data": [{"model": forged}, ""]}))
        assert "error" in said
        assert "root:" not in said
        assert str(ROOT) not in said
        assert "Traceback" not in said


def test_an_upload_is_bounded_and_listed_nowhere(url: str) -> None:
    def send(size: int) -> tuple[int, bytes]:
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        request = urllib.request.Request(
            f"{url}/gradio_api/upload",
            head + b"z" * size + b"\r\n--x--\r\n",
            {"Content-Type": "multipart/form-data; boundary=x"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, b""
        except (urllib.error.URLError, ConnectionError):
            return 413, b""  # it did not wait for all of it

    status, stored = send(1000)
    assert status == 200
    assert send(21_000_000)[0] == 413
    folder = str(Path(json.loads(stored)[0]).parent)
    for path in (folder, str(Path(folder).parent), f"{folder}/"):
        assert ask(url, f"/gradio_api/file={path}")[0] == 403


# --- the API ----------------------------------------------------------------------------------------------------------


def opened(text: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_noise(client: Client) -> None:
    noised = client.predict(
        data="emoji", class_index=0, number=2, schedule="cosine", T=50, t=[0, 25, 50], api_name="/noise"
    )
    from engine.schedule import SCHEDULES
    from playground.labs.forward.controls import ForwardControls
    from playground.labs.shared.picture import chosen

    assert noised["alpha_bar"] == SCHEDULES["cosine"](50).alpha_bar[[0, 25, 50]].tolist()
    controls = ForwardControls(data="emoji", class_index=0, number=2)
    np.testing.assert_array_equal(opened(noised["pictures"][0]), chosen(controls))
    assert opened(noised["pictures"][2]).std() > 60


def test_schedule(client: Client) -> None:
    from engine.schedule import NoiseSchedule

    tables = client.predict(name="linear", T=20, rescale=False, api_name="/schedule")
    assert tables["beta"] == NoiseSchedule.linear(20, rescale=False).beta.tolist()
    assert tables["log_snr"][0] is None
    assert len(tables["alpha_bar"]) == 21
    zero = client.predict(name="drawn", T=20, points="0,1; 0.5,0.5; 1,0", zero_terminal_snr=True, api_name="/schedule")
    assert zero["terminal_snr"] == 0


def test_sampling_streams_and_gives_the_pictures_of_the_recipe(client: Client) -> None:
    recipe = Recipe(steps=20, labels=(3, 1), seeds=(5, 6), scale=1.5)
    answers = list(client.submit(recipe=recipe.model_dump(mode="json", exclude_defaults=True), api_name="/sample"))
    steps = [answer["step"] for answer in answers]
    assert steps == sorted(steps)
    assert steps[-1] == 20
    assert len(answers) > 2
    assert all("png" not in answer for answer in answers[:-1])
    png = base64.b64decode(answers[-1]["png"])
    assert from_png(png) == recipe
    assert Recipe.model_validate(answers[-1]["recipe"]) == recipe
    *_, last = recipe.frames()
    ours = np.asarray(Image.open(io.BytesIO(png_bytes(to_uint8(last.x), None))))
    assert np.abs(opened(answers[-1]["png"]).astype(int) - ours).max() <= 1  # others may have been in the batch


def cpu_share(process: psutil.Process, seconds: float) -> float:
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


@pytest.mark.slow
def test_a_call_that_nobody_reads_any_more_frees_the_machine() -> None:
    """Cancelled, and with a caller that is gone without a word: what it had asked for would take minutes."""
    recipe = {"model": "emoji", "steps": 1000, "seeds": list(range(16)), "labels": [1] * 16}
    with started() as (process, lines):
        url = next(word for line in lines for word in line.split() if word.startswith("http"))
        server = psutil.Process(process.pid)
        client = Client(url, verbose=False)
        client.predict(recipe={"steps": 1}, api_name="/sample")
        job = client.submit(recipe=recipe, api_name="/sample")
        while not any(answer["step"] for answer in job.outputs()):
            time.sleep(0.1)
        job.cancel()
        reading = (
            f"for now in Client({url!r}, verbose=False).submit(recipe={recipe}, api_name='/sample'): print(now['step'])"
        )
        program = f"from gradio_client import Client\n{reading}"
        with subprocess.Popen([sys.executable, "-uc", program], stdout=subprocess.PIPE, text=True) as caller:
            assert caller.stdout is not None
            while caller.stdout.readline().strip() in ("", "0"):
                assert caller.poll() is None
            assert cpu_share(server, 1) > 0.1
            caller.kill()
        deadline = time.monotonic() + 8  # the queue's grace for a tab that is loaded again would be 10 seconds
        while cpu_share(server, 0.5) > 0.1 and time.monotonic() < deadline:
            pass
        assert time.monotonic() < deadline


def test_recipes_and_links(client: Client) -> None:
    from urllib.parse import parse_qs

    given = client.predict(
        link="https://host/sampling?sampler=ddpm&steps=100&count=3&labels=one&label=4", api_name="/recipe"
    )
    assert given["recipe"] == {"sampler": "ddpm", "steps": 100, "labels": [4, 4, 4], "seeds": [0, 1, 2]}
    again = client.predict(recipe=given["recipe"], api_name="/recipe")
    assert again == given
    assert parse_qs(given["link"].partition("?")[2])["sampler"] == ["ddpm"]
    assert "from engine.recipes.recipe import Recipe" in given["python"]
    odd = client.predict(recipe={"seeds": [3, 1]}, api_name="/recipe")
    assert odd["link"] is None
    assert "seeds" in odd["note"]
    both = client.predict(link="compare=1&b_steps=7", api_name="/recipe")
    assert both["second"]["steps"] == 7


def test_training_belongs_to_who_began_it(client: Client, url: str) -> None:
    run = client.predict(settings={"steps": 2000, "batch": 8}, api_name="/train_start")
    mine = {"run": run["run"], "visitor": run["visitor"]}
    stranger = Client(url, verbose=False)
    for other in ("", "0" * 32):
        for name in ("/train_status", "/train_stop"):
            with pytest.raises(AppError, match="There is no training run"):
                stranger.predict(run=run["run"], visitor=other, api_name=name)
        with pytest.raises(AppError, match="There is no model"):
            stranger.predict(recipe={"model": f"run:{run['run']}"}, visitor=other, api_name="/sample")
    with pytest.raises(AppError, match="one at a time"):
        client.predict(settings={"steps": 10}, visitor=run["visitor"], api_name="/train_start")
    deadline = time.monotonic() + 120
    while (status := client.predict(**mine, api_name="/train_status"))["step"] < 1 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert status["status"] == "running"
    drawn = client.predict(recipe={"model": status["model"], "steps": 2}, visitor=run["visitor"], api_name="/sample")
    assert drawn["png"]
    client.predict(**mine, api_name="/train_stop")
    while (status := client.predict(**mine, api_name="/train_status"))[
        "status"
    ] == "running" and time.monotonic() < deadline:
        time.sleep(0.3)
    assert status["status"] == "stopped"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("noise", {"T": 10_000}, "not a whole number from 10 to 1000"),
    ("noise", {"T": "many"}, "not a whole number from 10 to 1000"),
    ("noise", {"T": None}, "not a whole number from 10 to 1000"),
    ("noise", {"number": 999}, "there is no number 999"),
    ("noise", {"class_index": 99}, "there is no class 99"),
    ("noise", {"schedule": "x" * 100_000}, "not one of linear, cosine, sigmoid"),
    ("noise", {"data": "upload"}, "not one of digits, emoji"),
    ("noise", {"data": {"a": [1]}}, "not one of digits, emoji"),
    ("noise", {"t": [201]}, "whole numbers from 0 to 200"),
    ("noise", {"t": list(range(65))}, "not 1 to 64"),
    ("noise", {"t": "abc"}, "whole numbers from 0 to 200"),
    ("noise", {"seed": 10**40}, "from 0 to 2147483647"),
    ("schedule", {"name": "spiral"}, "not one of linear, cosine, sigmoid, drawn"),
    ("schedule", {"name": "drawn", "points": "9" * 50_000}, "A curve needs"),
    ("schedule", {"zero_terminal_snr": "yes"}, "not true or false"),
    ("sample", {"recipe": {"seeds": list(range(10_000))}}, "at most 1024"),
    ("sample", {"recipe": {"seeds": list(range(100))}}, "At most 16 images"),
    ("sample", {"recipe": {"steps": 1000}}, "At most 250 steps"),
    ("sample", {"recipe": {"steps": 0}}, "greater than or equal to 1"),
    ("sample", {"recipe": {"model": "/etc"}}, "There is no model “/etc” here"),
    ("sample", {"recipe": {"model": "google/ddpm-cifar10-32"}}, "There is no model"),
    ("sample", {"recipe": {"labels": [99], "seeds": [1]}}, "knows only the classes"),
    ("sample", {"recipe": {"nope": 1}}, "nope"),
    ("sample", {"recipe": [1, 2]}, "The recipe cannot be used"),
    ("sample", {"recipe": "nonsense"}, "is not JSON"),
    ("sample", {"recipe": {"model": "x" * 200_000}}, "at most 100,000 are read"),
    ("recipe", {"link": "steps=9999"}, "not a whole number from 1 to 1000"),
    ("recipe", {"link": "model=/root"}, "There is no model"),
    ("recipe", {"link": "x" * 9000}, "at most 8,000 letters"),
    ("train_start", {"settings": {"steps": 10**9}}, "not a whole number from 1 to 100000"),
    ("train_start", {"settings": {"steps": 5000}}, "At most 3,000 training steps"),
    ("train_start", {"settings": {"data": "/etc"}}, "There is no data set"),
    ("train_start", {"settings": {"lr": 1}}, "There is no setting “lr”"),
    ("train_start", {"settings": 3}, "names with values"),
    ("train_start", {"visitor": "me"}, "32 hexadecimal digits"),
    ("train_status", {"run": "../../x"}, "There is no training run"),
    ("train_stop", {"run": "20200101-000000-aaaaaaaa"}, "There is no training run"),
]


@pytest.mark.parametrize(("name", "arguments", "sentence"), BAD)
def test_bad_values_get_one_clear_sentence(client: Client, name: str, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AppError) as told:
        client.predict(**arguments, api_name=f"/{name}")
    said = str(told.value)
    assert sentence in said
    assert len(said) <= 400
    assert "\n" not in said
    assert str(ROOT) not in said


def test_numbers_that_are_none(url: str) -> None:
    for eta in ("NaN", "Infinity", "-Infinity", "1e999"):
        said = call(url, "sample", f'{{"data": [{{"eta": {eta}}}, ""]}}')
        assert "The recipe cannot be used: eta" in said
        said = call(url, "schedule", f'{{"data": ["cosine", 50, true, {eta}, false, "0,1; 0.5,0.5; 1,0"]}}')
        assert "You asked for Cosine offset s" in said


def test_what_is_refused_is_not_logged_and_a_mistake_of_ours_is_logged_once(tmp_path: Path) -> None:
    """A handler that breaks: the caller is told no path, and the log says it once."""
    program = (
        "import sys, threading\n"
        "import gradio.networking\n"
        "gradio.networking.url_ok = lambda url: False\n"  # as on a machine whose first page takes longer than three seconds
        "from playground.gradio_ui import api, launch\n"
        "def broken(*_): raise RuntimeError('the works fell out of /secret/place')\n"
        "api.forward.noised = broken\n"
        "sys.exit(launch.main(sys.argv[1:]))"
    )
    port, log = free_port(), tmp_path / "log"
    command = ["bash", "-c", 'exec "$0" -c "$1" --port "$2" > "$3" 2>&1', sys.executable, program, str(port), str(log)]
    with serve(command, f"http://127.0.0.1:{port}/"):
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        with pytest.raises(AppError) as told:
            client.predict(api_name="/noise")
        assert "secret" not in str(told.value)
        with pytest.raises(AppError):
            client.predict(T=3, api_name="/noise")
    said = log.read_text()
    assert said.count("the works fell out") == 1
    assert "not a whole number" not in said


def test_the_examples_of_the_readme_run(url: str, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().split("\n## API\n")[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(examples) == 2
    program = "\n".join(examples).replace("http://127.0.0.1:7860", url)
    assert url in program
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "20 of 20 t = 0" in done.stdout
    assert from_png((tmp_path / "pictures.png").read_bytes()).labels == (3, 1, 4)


# --- a Space ----------------------------------------------------------------------------------------------------------


def test_what_goes_up_runs_where_this_checkout_is_not(chromium: Browser, tmp_path: Path) -> None:
    """As on a Space: started by its path, in its own folder; -S leaves out the links of an installed project."""
    folder = tmp_path / "space"
    stage("gradio", folder)
    port = free_port()
    env = {
        "PYTHONPATH": SITE,
        "SPACE_ID": "ada/play",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
    }
    command = ["bash", "-c", 'cd "$1" && exec "$0" -S playground/gradio_app.py', sys.executable, str(folder)]
    with serve(command, f"http://127.0.0.1:{port}/", env, wait=120):
        context = chromium.new_context()
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.goto(f"http://127.0.0.1:{port}")
        expect(page.locator("#start-timeline .dp-timeline canvas").first).to_be_visible(timeout=SLOW)
        page.goto(f"http://127.0.0.1:{port}/forward?T=100&schedule=cosine")
        expect(page.locator("#forward-timeline .dp-timeline canvas").first).to_be_visible(timeout=SLOW)
        expect(page.get_by_text("of 100").first).to_be_visible(timeout=SLOW)
        context.close()
