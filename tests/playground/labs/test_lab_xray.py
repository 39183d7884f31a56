"""The Network x-ray as a lab: what is sent to the browser is what was computed, and bad input is told in a sentence."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.unet import UNet
from engine.registry import open_model
from playground.labs.shared.controls import from_link, to_link
from playground.labs.xray import job as lab
from playground.labs.xray import payload as figures
from playground.labs.xray import view
from playground.labs.xray.controls import XrayControls, chosen
from playground.labs.xray.job import Inspection
from playground.policy.visitor import HOST


def look(**settings: Any) -> Inspection:
    last = [partial.result for partial in lab.inspect(XrayControls(**settings), HOST)][-1]
    assert last is not None
    return last


@pytest.fixture(scope="module")
def seen() -> Inspection:
    return look()


def unpacked(sent: dict[str, Any], kind: str) -> npt.NDArray[np.float64]:
    values = np.frombuffer(base64.b64decode(sent[kind]), np.int8 if kind == "i8" else np.uint8)
    return values.reshape(sent["shape"]) * sent["max"] / (127 if kind == "i8" else 255)


def test_the_first_look_shows_every_block_and_all_parameters(seen: Inspection) -> None:
    sent = figures.payload(seen)
    net = open_model("digits").denoiser.net  # type: ignore[attr-defined]
    assert isinstance(net, UNet)
    assert sum(block["parameters"] for block in sent["blocks"]) == sent["parameters"] == net.parameter_count
    assert sent["maps"].keys() == {block["name"] for block in sent["blocks"]}
    assert len({block["title"] for block in sent["blocks"]}) > 5
    assert sent["block"] == figures.payload(seen, "no such block")["block"] == "down_blocks.0.resnets.0"
    assert figures.payload(seen, "mid_block.attentions.0")["block"] == "mid_block.attentions.0"


def test_channel_maps_are_the_activations_to_a_part_in_127_the_liveliest_first(seen: Inspection) -> None:
    sent = figures.payload(seen)["maps"]
    for name, values in seen.forward.activations.items():
        one = values[0].numpy()
        if one.ndim != 3:
            continue
        shown = one[sent[name]["channels"]]
        np.testing.assert_allclose(unpacked(sent[name], "i8"), shown, atol=sent[name]["max"] / 127)
        spread = shown.var(axis=(1, 2))
        assert (np.diff(spread) <= 1e-6).all()
        assert len(shown) == min(figures.MOST_CHANNELS, len(one))


def test_attention_that_is_sent_sums_to_one(seen: Inspection) -> None:
    (sent,) = figures.payload(seen)["attention"]
    n = sent["size"][0] * sent["size"][1]
    rows = np.frombuffer(base64.b64decode(sent["u8"]), np.uint8).reshape(sent["heads"] + 1, n, n) / 255
    rows = rows * np.frombuffer(base64.b64decode(sent["top"]), "<f4").reshape(-1, n, 1)
    np.testing.assert_allclose(rows.sum(axis=2), 1, atol=n / 255)
    np.testing.assert_allclose(rows[0], rows[1:].mean(axis=0), atol=2 / 255)


def test_the_maps_of_time_run_as_sampling_does(seen: Inspection) -> None:
    sent = figures.payload(seen)["time"]
    assert sent["t"] == sorted(seen.times, reverse=True)
    assert abs(sent["t"][sent["at"]] - seen.t) == min(abs(t - seen.t) for t in seen.times)
    last = unpacked(sent["norms"], "u8")[:, -1]  # of t = 1
    expected = np.stack([norms.numpy() for norms in seen.conditioning.norms.values()])[:, 0]
    np.testing.assert_allclose(last, expected, atol=sent["norms"]["max"] / 200)


def test_no_more_is_sent_than_may_be(seen: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_BYTES", 20_000)
    sent = figures.payload(seen)
    assert sum(len(base64.b64decode(one["i8"])) for one in sent["maps"].values()) <= 20_000
    assert all(len(one["channels"]) >= 1 for one in sent["maps"].values() if one["of"] > 1)
    (attention,) = sent["attention"]
    assert 1 <= attention["heads"] < attention["of"]


def test_each_part_that_is_missing_changes_what_is_said_and_the_network_itself_does_not(seen: Inspection) -> None:
    own, *others = seen.variants
    assert own.change == 0
    np.testing.assert_array_equal(own.x0, seen.x0)
    assert all(variant.change > 0 for variant in others)
    assert len(others) == len(seen.layout.skips) + 2
    without_any = next(variant for variant in others if variant.key == "none")
    assert without_any.change > min(variant.change for variant in others)


def test_a_skip_that_is_off_is_off_in_all_that_is_shown(seen: Inspection) -> None:
    cut = look(off="3")
    variant = next(variant for variant in seen.variants if variant.key == "skip3")
    np.testing.assert_array_equal(cut.x0, variant.x0)
    assert [skip["off"] for skip in figures.payload(cut)["skips"]] == [number == 3 for number in range(6)]
    target = cut.layout.skips[3].target
    assert not np.allclose(cut.forward.activations[target].numpy(), seen.forward.activations[target].numpy())


def test_relu_in_place_of_silu_is_the_variant_of_that_name(seen: Inspection) -> None:
    bent = look(activation="relu")
    np.testing.assert_array_equal(bent.x0, seen.variants[-1].x0)
    np.testing.assert_array_equal(look(activation="silu").x0, seen.x0)
    assert seen.activation == "SiLU"


def test_the_guess_of_a_real_picture_gets_nearer_to_it_with_less_noise() -> None:
    real = look(source="picture", step=19).x0.astype(float)
    guesses = [look(source="picture", step=step).x0.astype(float) for step in (2, 8, 14)]
    apart = [float(((guess - real) ** 2).mean()) for guess in guesses]
    assert apart == sorted(apart, reverse=True)


def test_whole_pictures_are_drawn_one_variant_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "STEPS", 2)
    controls = XrayControls(step=1, seed=5)
    partials = list(lab.draw(controls, HOST, count=2))
    done = [sum(variant.samples is not None for variant in partial.result.variants) for partial in partials]
    assert done == sorted(done)
    assert done[-1] == len(partials[-1].result.variants) == 9
    assert [partial.done for partial in partials] == sorted(partial.done for partial in partials)
    own, *others = partials[-1].result.variants
    assert own.samples is not None
    assert own.samples.shape == (2, 28, 28, 1)
    assert not any(np.array_equal(own.samples, other.samples) for other in others)  # type: ignore[arg-type]
    # What was drawn is there again with the next look at the same noise, and not with another.
    assert all(variant.samples is not None for variant in look(step=0, seed=5).variants)
    assert all(variant.samples is None for variant in look(step=0, seed=6).variants)
    assert partials[-1].result.belongs_to(XrayControls(step=7, seed=5))
    assert not partials[-1].result.belongs_to(XrayControls(seed=6))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "ideal:digits"}, "no U-Net"),
        ({"model": "nowhere/at/all"}, "nowhere"),
        ({"label": 10}, "has no class 10"),
        ({"off": "77"}, "no skip 77"),
        ({"off": "one"}, "by their numbers"),
    ],
)
def test_what_cannot_be_looked_at_is_told_in_a_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        look(**settings)
    assert str(refusal.value).count("\n") == 0


@given(st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.text()), st.lists(st.integers())))
def test_what_the_drawing_tells_never_breaks_the_settings(told: object) -> None:
    assert isinstance(chosen(XrayControls(), told), XrayControls)


@given(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=300)),
    st.one_of(st.none(), st.integers(), st.text(max_size=300)),
)
def test_an_odd_choice_changes_nothing_that_could_not_be_opened_again(block: object, off: object) -> None:
    after = chosen(XrayControls(), {"block": block, "off": off})
    assert all(isinstance(number, int) for number in after.skips_off)
    again, problems = from_link(XrayControls, to_link(after))
    assert again == after
    assert not problems


def test_a_choice_is_in_the_link() -> None:
    after = chosen(XrayControls(), {"block": "conv_in", "off": "0,3"})
    assert to_link(after) == {"block": "conv_in", "off": "0,3"}
    assert after.skips_off == (0, 3)


def test_the_table_can_be_taken_away(seen: Inspection) -> None:
    blocks, parts = (list(csv.reader(io.StringIO(file.data.decode()))) for file in view.files(seen))
    assert sum(int(row[-1]) for row in blocks[1:]) == figures.payload(seen)["parameters"]
    assert [float(row[1]) for row in parts[1:]] == pytest.approx([v.change for v in seen.variants], rel=1e-4)
    page = view.table(seen.variants)
    assert page.count("<img") == 2 * len(seen.variants)
    assert "<script" not in page
