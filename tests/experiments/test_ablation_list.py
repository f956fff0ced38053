"""The list of ablations: every config of it, and what is wrong with names and options."""

from pathlib import Path

import pytest

from glot_plugin.config import load_config
from glot_plugin.errors import InputError
from glot_plugin.experiments.ablation_list import Budget, ablation_config, find_ablations


@pytest.mark.parametrize('name', sorted(find_ablations(Path(__file__).resolve().parents[2] / 'configs/glot')))
def test_model_is_the_ablations(name, repository):
    """Everything of the model comes from the ablation, and the data's windows are as long as the model's."""
    path = find_ablations(repository / 'configs/glot', [name])[name]
    cfg = ablation_config(path, Budget(batch_size=3), repository / 'configs/glot')
    expected = load_config(path).model.to_dict()
    assert expected.pop('init_from_spin') is not None
    assert cfg.model.to_dict() == {**expected, 'init_from_spin': None}
    dataset = cfg.train_dataloader.dataset
    frames = {'input_length_24': 24, 'input_length_32': 32}.get(name, 16)
    assert (dataset.num_frames, dataset.stride, cfg.train_dataloader.batch_size) == (frames, frames, 3)
    assert dataset.stores == ['data/synthetic/train']


def test_list_is_the_base_and_every_ablation(repository):
    found = list(find_ablations(repository / 'configs/glot'))
    files = {path.stem for path in (repository / 'configs/glot/ablations').glob('*.py')}
    assert found[0] == 'glot_3dpw'
    assert set(found[1:]) == files
    assert len(files) == 18  # rows of the paper's ablation tables beside the full method's
    assert list(find_ablations(repository / 'configs/glot', ['nearby_2', 'gmm_alone'])) == ['gmm_alone', 'nearby_2']


def test_the_list_comes_with_the_package(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(find_ablations()) == list(find_ablations(repository / 'configs/glot'))


def test_bad_names_are_one_error_with_the_names_there_are(repository):
    expected = (
        r'^--only nearby_4 gmm: no such ablation; there are glot_3dpw, .*gmm_alone, .*nearby_2, .*without_detach$'
    )
    with pytest.raises(InputError, match=expected):
        find_ablations(repository / 'configs/glot', ['nearby_4', 'nearby_2', 'gmm'])


def test_other_bad_input(tmp_path):
    with pytest.raises(InputError, match=r'--iterations is 0, expected at least 1'):
        Budget(iterations=0)
    with pytest.raises(InputError, match=r'--batch-size is -1, expected at least 1'):
        Budget(batch_size=-1)
    with pytest.raises(InputError, match=r'no glot_3dpw.py and ablations/\*.py there'):
        find_ablations(tmp_path)


def test_options_do_not_bring_back_what_is_removed(repository):
    path = find_ablations(repository / 'configs/glot', ['gmm_alone'])['gmm_alone']
    with pytest.raises(
        InputError, match=r'^--cfg-options does not fit gmm_alone \(--only selects others\): .*local_branch='
    ):
        ablation_config(path, Budget(options={'model.head.local_branch.dim': 16}), repository / 'configs/glot')
