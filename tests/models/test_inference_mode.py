import re

import pytest

from glot_plugin.errors import InputError
from glot_plugin.models.inference_mode import MODES, InferenceMode


def test_names_and_modes():
    assert [str(InferenceMode.of(name)) for name in MODES] == list(MODES)
    assert InferenceMode.of('bf16+fast') == InferenceMode(fast=True, bf16=True)
    assert InferenceMode.of(InferenceMode(fast=True)) == InferenceMode.of('fast')
    assert InferenceMode.of('exact') == InferenceMode()


@pytest.mark.parametrize('name', ['', 'quick', 'exact+fast', 'fast,bf16', None])
def test_unknown_names(name):
    with pytest.raises(
        InputError, match=re.escape(f'inference mode {name!r}: expected one of exact, fast, bf16, fast+bf16')
    ):
        InferenceMode.of(name)
