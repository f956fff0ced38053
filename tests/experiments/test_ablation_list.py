"""What is compared: every config of the list, its order, and what is wrong with names and options."""

from pathlib import Path

import pytest

from glot_plugin.config import load_config
from glot_plugin.errors import InputError
from glot_plugin.experiments import ablation_list
from glot_plugin.experiments.ablation_list import (
    BASE,
    METHODS,
    Budget,
    ablation_config,
    find_ablations,
    narrowed,
    what_changes,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/glot'
# Widths of the paper's model, and here.
NARROW = {'in_dim': (2048, 256), 'embed_dim': (512, 128), 'decoder_dim': (256, 64), 'hidden_dim': (1024, 256)}


def leaves(node, prefix: str = '') -> dict:
    if isinstance(node, dict):
        return {k: v for key, child in node.items() for k, v in leaves(child, f'{prefix}.{key}').items()}
    return {prefix: node}


@pytest.mark.parametrize('name', sorted(set(find_ablations(CONFIGS)) - set(METHODS)))
def test_model_is_the_ablations_a_quarter_as_wide(name):
    """Nothing but widths differs from the ablation's model, and the data's windows are as long as the model's."""
    path = find_ablations(CONFIGS, [name])[name]
    cfg = ablation_config(path, Budget(batch_size=3), CONFIGS)
    expected, found = leaves(load_config(path).model.to_dict()), leaves(cfg.model.to_dict())
    assert set(found) == set(expected)
    differing = {key: (expected[key], found[key]) for key in found if found[key] != expected[key]}
    assert differing.pop('.init_from_spin')[1] is None
    for key, values in differing.items():
        last = key.rpartition('.')[2]
        assert values == ((256, 64) if last == 'dim' else NARROW[last]), key
    assert len(differing) == (4 if name == 'gmm_alone' else 6)
    dataset = cfg.train_dataloader.dataset
    frames = {'input_length_24': 24, 'input_length_32': 32}.get(name, 16)
    assert (dataset.num_frames, dataset.stride, cfg.train_dataloader.batch_size) == (frames, 4, 3)
    assert dataset.stores == ['data/hard/train']


@pytest.mark.parametrize('name', METHODS)
def test_methods_are_as_their_configs_say(name):
    path = find_ablations(CONFIGS, [name])[name]
    cfg = ablation_config(path, Budget(), CONFIGS)
    assert cfg.model.to_dict() == load_config(path).model.to_dict()
    assert cfg.model.head.type == 'NeckHead'
    assert not {'velocity2d', 'velocity3d'} & {key for key, term in cfg.model.loss.terms.items() if term is not None}


def test_all_are_trained_alike():
    """Schedule, rates and data are the same in every config of the list."""
    keys = ('train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'test_dataloader')
    base = ablation_config(CONFIGS / f'{BASE}.py', Budget(), CONFIGS)
    for path in find_ablations(CONFIGS, [*METHODS, 'gmm_alone', 'latency_0']).values():
        cfg = ablation_config(path, Budget(), CONFIGS)
        assert all(cfg[key] == base[key] for key in keys)
        assert cfg.train_dataloader == base.train_dataloader


def test_narrowing_leaves_what_the_ablation_changed():
    wide, narrow = {'a': 8, 'b': {'c': 4, 'd': 1}}, {'a': 2, 'b': {'c': 1, 'd': 1}}
    assert narrowed({'a': 8, 'b': None}, wide, narrow) == {'a': 2, 'b': None}
    assert narrowed({'a': 9, 'b': {'c': 4, 'd': 3, 'e': 5}}, wide, narrow) == {'a': 9, 'b': {'c': 1, 'd': 3, 'e': 5}}


def test_list_is_methods_ablations_and_latencies_the_most_important_first():
    found = list(find_ablations(CONFIGS))
    files = {path.stem for folder in ('ablations', 'live') for path in (CONFIGS / folder).glob('*.py')}
    assert found[:5] == ['single_frame', 'gru_hmr', 'gmm_alone', 'glot_3dpw', 'residual_regressor']
    assert set(found) == {*METHODS, BASE, *files}
    assert len(files) == 18 + 2 + 3  # rows of the paper's tables beside GLoT's, ours, latencies
    assert list(find_ablations(CONFIGS, ['nearby_2', 'gmm_alone'])) == ['gmm_alone', 'nearby_2']
    assert len({what_changes(path) for path in find_ablations(CONFIGS).values()}) == len(found)


def test_without_mmhuman3d_its_gru_is_left_out_unless_it_is_named(monkeypatch):
    monkeypatch.setattr(ablation_list, 'find_spec', lambda name: None)
    assert 'gru_hmr' not in find_ablations(CONFIGS)
    assert list(find_ablations(CONFIGS, ['gru_hmr'])) == ['gru_hmr']


def test_the_list_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(find_ablations()) == list(find_ablations(CONFIGS))


def test_bad_names_are_one_error_with_the_names_there_are():
    expected = r'^--only nearby_4 gmm: no such ablation; there are single_frame, .*gmm_alone, .*nearby_2, .*latency_4$'
    with pytest.raises(InputError, match=expected):
        find_ablations(CONFIGS, ['nearby_4', 'nearby_2', 'gmm'])


def test_other_bad_input(tmp_path):
    with pytest.raises(InputError, match=r'--iterations is 0, expected at least 1'):
        Budget(iterations=0)
    with pytest.raises(InputError, match=r'--batch-size is -1, expected at least 1'):
        Budget(batch_size=-1)
    with pytest.raises(InputError, match=r'--seeds 1 1: expected one or more that differ'):
        Budget(seeds=(1, 1))
    with pytest.raises(InputError, match=r'no glot_3dpw.py and ablations/\*.py there'):
        find_ablations(tmp_path)


def test_options_do_not_bring_back_what_is_removed():
    path = find_ablations(CONFIGS, ['gmm_alone'])['gmm_alone']
    with pytest.raises(
        InputError, match=r'^--cfg-options does not fit gmm_alone \(--only selects others\): .*local_branch='
    ):
        ablation_config(path, Budget(options={'model.head.local_branch.dim': 16}), CONFIGS)
