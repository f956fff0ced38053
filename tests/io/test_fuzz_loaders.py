"""No file that is read runs code, hangs, takes the memory it claims, or ends in anything but one `InputError`."""

import random
import time
import traceback
import warnings
from pathlib import Path

import pytest
from file_formats import FileFormat, all_formats
from hostile_files import hostile_cases
from limits import limited
from mutations import mutated

from glot_plugin.errors import InputError

pytest.importorskip('mmhuman3d', reason='HumanData is read with mmhuman3d')
SEED, QUICK, SLOW = 7, 300, 20_000
TRAP = 'ran'  # the folder that hostile pickles make where they can run code


@pytest.fixture(scope='module')
def formats() -> dict[str, FileFormat]:
    return all_formats()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    warnings.simplefilter('ignore')
    return tmp_path


def read(file_format: FileFormat, data: bytes, folder: Path, what: str) -> bool:
    """Whether a file is read; else it was refused with one error, and nothing worse happened."""
    for name, content in (*file_format.others, (file_format.file, data)):
        (folder / name).write_bytes(content)
    message = None
    with limited(what):
        try:
            file_format.load(folder / file_format.file)
        except InputError as error:
            message = str(error)
            if _lacked_memory(error):
                pytest.fail(f'{what}: asks for more memory than there is: {message}')
        except Exception:
            pytest.fail(f'{what}: {traceback.format_exc()}')
    assert not (folder / TRAP).exists(), f'{what}: ran code'
    assert message is None or 0 < len(message) < 4000, f'{what}: {len(message)} characters'
    return message is None


def _lacked_memory(error: BaseException) -> bool:
    """Whether memory ran out; Python's parser calls deep nesting so, too."""
    while error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, MemoryError) and traceback.extract_tb(error.__traceback__)[-1].name != 'parse'


def fuzz(formats: dict[str, FileFormat], folder: Path, count: int) -> None:
    rng = random.Random(SEED)
    names, everything = sorted(formats), [file_format.data for file_format in formats.values()]
    for number in range(count):
        name = names[number % len(names)]
        data = mutated(formats[name].data, rng, everything)
        read(formats[name], data, folder, f'file {number} of seed {SEED} ({name})')


def test_valid_files_are_read(formats, folder):
    refused = {'SMPL pickle', 'safetensors'} - {'safetensors'}  # a body of a few vertices is none
    for name, file_format in formats.items():
        if name not in refused and 'checkpoint' not in name:  # which is not what each of a checkpoint's readers takes
            assert read(file_format, file_format.data, folder, name), name


def test_hostile_files(formats, folder):
    for (kind, name), data in hostile_cases(folder).items():
        read(formats[kind], data, folder, f'{kind}, {name}')


def test_mutated_files(formats, folder):
    fuzz(formats, folder, QUICK)


@pytest.mark.slow
def test_heavy_hostile_files(formats, folder):
    for (kind, name), data in hostile_cases(folder, heavy=True).items():
        read(formats[kind], data, folder, f'{kind}, {name}')


@pytest.mark.slow
def test_many_mutated_files(formats, folder):
    start = time.monotonic()
    fuzz(formats, folder, SLOW)
    print(f'{SLOW} files in {time.monotonic() - start:.0f} s')
