"""Fixtures of the framework's tests."""

import time
from types import SimpleNamespace

import pytest


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """mmcv's runner sleeps two seconds before each epoch, for the data loaders of old versions of torch."""
    import glot_plugin.framework  # noqa: F401 - before mmcv

    without_sleep = SimpleNamespace(**{**vars(time), 'sleep': lambda seconds: None})
    monkeypatch.setattr('mmcv.runner.epoch_based_runner.time', without_sleep)
