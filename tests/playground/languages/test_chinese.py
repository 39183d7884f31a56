"""The Chinese texts use one word for one thing, and the punctuation of Chinese."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from engine.language import speaking
from engine.storage.checked_files import sentence_of
from engine.training.config import TrainConfig
from playground.labs.shared.naming import cited, shipped_title
from playground.languages.__main__ import read

HAN = "[\u4e00-\u9fff]"
WORDS = {
    r"标准误(?!差)": "标准误差",
    r"(?<![步振])幅(?!度)": "张",
    r"张噪声表": "个噪声表",
    r"有条件预测": "条件预测",
    r"变分界": "变分下界",
    r"et al\.": "等",
    r"[A-Z]\w+ & [A-Z]": "与",
    r"\blog[- ]SNR(?!）)": "对数信噪比",
    r"(?<!min-)(?<!log )(?<!log-)\bSNR(?!）)": "信噪比",
}
"""What is not written, and what is instead."""
HALF_WIDTH = re.compile(rf"{HAN} ?[,:;!?](?! ?[0-9)])|{HAN}\((?!\d+\))|[,;:] ?{HAN}")


@pytest.mark.parametrize("wrong", WORDS)
def test_one_word_for_one_thing(wrong: str) -> None:
    assert [text for text in _texts() if re.search(wrong, text)] == []


def test_punctuation_is_of_full_width() -> None:
    assert [text for text in _texts() if HALF_WIDTH.search(re.sub(r"`[^`]*`", "", text))] == []


def _texts() -> list[str]:
    found = []
    for message in read("zh"):
        if message.id:
            found += [message.string] if isinstance(message.string, str) else list(message.string)
    return found


def test_papers_and_models_are_named_in_chinese() -> None:
    with speaking("zh"):
        assert cited("Ho et al. 2020, algorithm 2, eq. 7; Chen 2023") == "Ho 等，2020，算法 2，式 7；Chen，2023"
        assert shipped_title("digits-learned-variance") == "手写数字（学习的方差）"
    assert cited("Ho et al. 2020, algorithm 2, eq. 7; Kingma & Welling 2014, eq. 3") == (
        "Ho et al. 2020, algorithm 2, eq. 7; Kingma & Welling 2014, eq. 3"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": "x"}, {"batch": 1.5}, {"data": 3}, {"flips": "maybe"}, {"target": "x"}, {"steps": None}, {"seed": -1},
        {"ema_decay": 2}, {"learning_rate": "x"}, {"learning_rate": float("nan")}, {"zzz": 1}, {"T": 10**9},
    ],
)  # fmt: skip
def test_what_a_setting_cannot_be_is_told_in_chinese(wrong: dict[str, object]) -> None:
    with speaking("zh"), pytest.raises(ValidationError) as refused:
        TrainConfig.model_validate(wrong)
    with speaking("zh"):
        said = sentence_of(refused.value)
    assert re.search(HAN, said)
    assert not re.search(r"[a-z]{2,} [a-z]{2,}|, | or ", said)
