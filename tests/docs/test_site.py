"""The documentation builds as a site, without a warning, and loads nothing from the network."""

import re
from pathlib import Path

import pytest

pytest.importorskip('mkdocstrings_handlers.python', reason="needs the extra 'docs'")
pytest.importorskip('material', reason="needs the extra 'docs'")
pytestmark = pytest.mark.process  # ruff formats the signatures


@pytest.fixture(scope='module')
def site(repository, tmp_path_factory) -> Path:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp('site')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('NO_MKDOCS_2_WARNING', '1')
        patch.chdir(repository)
        cfg = load_config('mkdocs.yml', site_dir=str(folder), strict=True)
        cfg.plugins.on_startup(command='build', dirty=False)
        build(cfg)  # strict: a warning, as of a link that leads nowhere, aborts it
        cfg.plugins.on_shutdown()
    return folder


def test_every_page_and_room_is_there(repository, site):
    pages = {path.relative_to(site).with_suffix('').as_posix() for path in site.rglob('*.html')}
    assert {path.stem for path in (repository / 'docs').glob('*.md')} < pages
    rooms = {path.parent.name for path in (repository / 'glot_plugin').glob('*/__init__.py')}
    assert {f'api/{room}' for room in rooms | {'glot_plugin'}} < pages
    assert 'arxiv.org/abs/2303.14747' in (site / 'index.html').read_text()
    assert 'configs/glot/mixed/gru_hmr.html' in (site / 'mixing.html').read_text()


def test_docstrings_reach_the_api_pages(site):
    page = (site / 'api/models.html').read_text()
    assert 'id="glot_plugin.models.hscr.HSCR"' in page
    # One line of the docstring describes several parameters; the page has each with its type.
    described = re.findall(r'<b><code>(\w+)</code></b>\s*\(<code>(.*?)</code>', page)
    assert {name for name, _ in described} >= {'embed_dim', 'depth', 'num_heads', 'mask_ratio', 'mask_token'}


def test_nothing_is_loaded_from_the_network(site):
    for path in site.rglob('*.html'):
        loaded = re.findall(r'<(?:script|img|iframe)\b[^>]*\bsrc="?([^"\s>]+)', path.read_text())
        loaded += re.findall(r'<link\b(?![^>]*rel="?canonical)[^>]*\bhref="?([^"\s>]+)', path.read_text())
        assert loaded
        assert not [url for url in loaded if url.startswith(('http:', 'https:', '//'))], path
