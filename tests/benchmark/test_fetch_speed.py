"""The benchmark of batches gathered on a device."""

from glot_plugin.benchmark.fetch_speed import compare_resident_fetch, write_large_store


def test_resident_batches_are_compared_with_the_hosts(tmp_path):
    store = write_large_store(tmp_path / 'store', 1500, 'float16')
    result = compare_resident_fetch(store, 'cpu', batch_size=8, repeats=1)
    assert 0 < result.ours < 1
    assert 0 < result.naive < 1
    assert result.detail.startswith('0.0 GB on cpu')
