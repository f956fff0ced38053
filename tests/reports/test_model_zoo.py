"""The model zoo's page and metafile: as generated, and as the paper has it."""

import pytest
import yaml

from glot_plugin.reports.model_zoo import metafile, model_zoo_page
from glot_plugin.reports.published import TABLES


@pytest.fixture(scope='module')
def models(repository) -> dict[str, dict]:
    """The models of the metafiles that the index names, by config."""
    index = yaml.safe_load((repository / 'model-index.yml').read_text())
    content = [yaml.safe_load((repository / path).read_text()) for path in index['Import']]
    return {model['Config']: model for metafile in content for model in metafile['Models']}


def test_files_are_up_to_date(repository):
    assert (repository / 'docs/model_zoo.md').read_text() == model_zoo_page(), 'run `make zoo`'
    assert (repository / 'configs/glot/metafile.yml').read_text() == metafile(), 'run `make zoo`'


def test_metafile_has_every_config_that_has_published_figures(repository, models):
    published = {f'configs/glot/{config}.py' for table in TABLES for row in table.rows for config in row.configs}
    ablations = {f'configs/glot/ablations/{path.name}' for path in repository.glob('configs/glot/ablations/*.py')}
    unpublished = {f'configs/glot/ablations/{name}.py' for name in ('without_velocity', 'hscr_own_rotation')}
    assert set(models) == published > ablations - unpublished
    assert published.isdisjoint(unpublished)
    assert all((repository / config).is_file() for config in models)
    assert len({model['Name'] for model in models.values()}) == len(models)
    assert {model['In Collection'] for model in models.values()} == {'GLoT'}
    assert not any('Weights' in model for model in models.values())


@pytest.mark.parametrize(
    ('config', 'results'),
    [
        ('glot_3dpw', {'3DPW': (50.6, 80.7, 96.3, 6.6)}),
        ('glot_3dpw_unseen', {'3DPW': (53.5, 89.9, 107.8, 6.7)}),
        ('glot_h36m_mpii3d', {'MPI-INF-3DHP': (61.5, 93.9, 7.9), 'Human3.6M': (46.3, 67.0, 3.6)}),
        ('ablations/nearby_6', {'3DPW': (51.7, 82.4, 98.4, 6.6)}),
    ],
)
def test_figures_are_those_of_the_paper(models, config, results):
    """Of Tables 1 and 2 and an ablation, written by hand, each on the sets that the config is tested on."""
    found = models[f'configs/glot/{config}.py']['Results']
    assert {result['Dataset']: tuple(result['Metrics'].values()) for result in found} == results
