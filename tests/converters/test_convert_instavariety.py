"""InstaVariety: HDF5, names in bytes, crop coordinates, bounded memory."""

import numpy as np
import pytest

from glot_plugin.converters import convert_database
from glot_plugin.converters.columns import BlockColumn
from glot_plugin.converters.keypoint_conventions import spin49_places
from glot_plugin.datasets import TrackStore, WindowDataset

h5py = pytest.importorskip('h5py')


def test_the_crop_is_the_whole_square_of_224_pixels(tmp_path, make_database):
    def in_the_crop(database):
        database['joints2D'][..., :2] = np.random.default_rng(0).uniform(0, 224, database['joints2D'][..., :2].shape)

    spec, database = make_database('insta-variety', in_the_crop)
    with h5py.File(tmp_path / 'root' / spec.file) as file:
        assert file['vid_name'].dtype.kind == 'S'
    store = convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    batch = WindowDataset(store, pipeline=[{'type': 'NormalizeKeypoints2d'}])[0]
    expected = database['joints2D'][:16, :, :2] / 112 - 1
    np.testing.assert_allclose(batch['keypoints2d'][:, spin49_places(25, ''), :2], expected, atol=1e-5)
    assert not batch['has_keypoints3d']
    assert not batch['has_smpl']
    assert list(TrackStore(store).track_names)[:2] == ['downtown_video_00_0', 'downtown_video_00_1']


@pytest.mark.parametrize('block_bytes', [1, 1000, 10**6])
def test_blocks_give_the_rows_of_the_file(tmp_path, block_bytes):
    values = np.random.default_rng(0).random((500, 7))
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        column = BlockColumn(
            file.create_dataset('x', data=values, chunks=(33, 3), compression='gzip'), 'x', block_bytes
        )
        for start, stop in ((0, 10), (10, 11), (11, 200), (150, 160), (190, 500), (5, 6), (499, 500), (0, 500), (3, 3)):
            np.testing.assert_array_equal(column[start:stop], values[start:stop])


def test_compressed_chunks_are_read_once(tmp_path):
    """A track at a time would decompress the chunks that it shares with its neighbours again and again."""
    values = np.arange(6000.0).reshape(1000, 6)
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        dataset = file.create_dataset('x', data=values, chunks=(100, 2))
        column, reads = BlockColumn(dataset, 'x', block_bytes=200 * 48), []
        column._read = lambda start, stop: reads.append((start, stop)) or dataset[start:stop]
        for start in range(0, 1000, 17):
            column[start : start + 17]
    assert reads == [(start, start + 200) for start in range(0, 1000, 200)]


def test_chunks_that_span_the_file_do_not_fill_the_memory(tmp_path):
    values = np.arange(6000.0).reshape(1000, 6)
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        dataset = file.create_dataset('x', data=values, chunks=(1000, 1))
        column, reads = BlockColumn(dataset, 'x', block_bytes=100 * 48), []
        column._read = lambda start, stop: reads.append(stop - start) or dataset[start:stop]
        rows = [column[start : start + 50] for start in range(0, 1000, 50)]
    assert max(reads) == 100
    np.testing.assert_array_equal(np.concatenate(rows), values)


def test_names_of_any_length(tmp_path, make_database):
    spec, database = make_database('insta-variety')
    with h5py.File(tmp_path / 'root' / spec.file, 'a') as file:
        del file['vid_name']
        file['vid_name'] = database['vid_name'].astype(object)  # HDF5's text of variable length
        assert file['vid_name'].dtype == object
    store = convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert list(TrackStore(store).track_names) == list(dict.fromkeys(database['vid_name'].tolist()))


MEMORY = """
import resource, sys
from pathlib import Path
from glot_plugin.converters import convert_database, find_databases
import h5py
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
root = Path(sys.argv[1])
convert_database(find_databases(['insta-variety'])[0], root, root / 'out', half=True, progress=False)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path, run_python):
    """40,000 frames, 330 MB of features: what is needed are blocks of 16 MB and one track."""
    count = 40_000
    with h5py.File(tmp_path / 'insta_train_db.h5', 'w') as file:
        file['vid_name'] = np.repeat(np.char.add('video', np.arange(count // 100).astype(str)).astype('S'), 100)
        file['frame_id'] = np.tile(np.arange(100), count // 100)
        features = file.create_dataset('features', (count, 2048), 'f4', chunks=(1000, 64))
        for start in range(0, count, 10_000):
            features[start : start + 10_000] = np.float32(start + 1) / count
        file.create_dataset('joints2D', (count, 25, 3), 'f4', chunks=(1000, 25, 3), fillvalue=0.5)
    assert int(run_python(MEMORY, tmp_path)) < 150
    store = TrackStore(tmp_path / 'out' / 'insta-variety')
    assert (store.num_frames, store.num_tracks) == (count, count // 100)
    assert store.columns['features'][25_000, 5] == np.float16(20_001 / count)
