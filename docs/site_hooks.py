"""Pages of the site that are no files of docs/: README as its home, the configs, and the API from the docstrings."""

import ast
import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'glot_plugin'
SHARED_LINE = re.compile(r'(?m)^( *)(\w+(?:, \w+)+):((?: .*)(?:\n\1 +\S.*)*)')


class OneParameterALine(griffe.Extension):
    """Docstrings describe parameters of one kind together, `pred, target: …`; griffe knows one name a line."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None and 'Args:\n' in obj.docstring.value:
            before, args, after = obj.docstring.value.partition('Args:\n')
            obj.docstring.value = before + args + SHARED_LINE.sub(self._one_a_line, after)

    @staticmethod
    def _one_a_line(match: re.Match) -> str:
        indent, names, text = match.groups()
        return '\n'.join(f'{indent}{name}:{text}' for name in names.split(', '))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the navigation: a page for the top of the package, and one for each room."""
    config.nav.append({'API': [{title: uri} for title, uri in _api_uris().items()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    pages = {
        'index.md': _root_page('README.md'),
        'changelog.md': _root_page('CHANGELOG.md'),
        **{uri: _api_page(title) for title, uri in _api_uris().items()},
        **{_config_uri(path): _config_page(path) for path in (ROOT / 'configs').rglob('*.py')},
    }
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to config files lead to their pages."""
    return re.sub(r'\]\((?:\.\./)?(configs/[^)]+)\.py\)', r'](\1.md)', markdown)


def _root_page(name: str) -> str:
    """A page of the repository's root; docs/ is the root of the site."""
    return (ROOT / name).read_text(encoding='utf-8').replace('](docs/', '](')


def _config_uri(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix('.md').as_posix()


def _config_page(path: Path) -> str:
    return f'# {path.relative_to(ROOT)}\n\n```python\n{path.read_text(encoding="utf-8")}```\n'


def _api_uris() -> dict[str, str]:
    rooms = sorted(path.parent.name for path in PACKAGE.glob('*/__init__.py'))
    return {'glot_plugin': 'api/glot_plugin.md', **{room: f'api/{room}.md' for room in rooms}}


def _api_page(title: str) -> str:
    """A room's docstring, and each of its modules for mkdocstrings to fill in."""
    top = title == 'glot_plugin'
    folder = PACKAGE if top else PACKAGE / title
    docstring = ast.get_docstring(ast.parse((folder / '__init__.py').read_text(encoding='utf-8')))
    modules = sorted(path for path in (folder.glob('*.py') if top else folder.rglob('*.py')) if path.stem[0] != '_')
    names = ['.'.join(path.relative_to(ROOT).with_suffix('').parts) for path in modules]
    name = title if top else f'glot_plugin.{title}'
    return f'# {name}\n\n{docstring}\n\n' + '\n\n'.join(f'::: {name}' for name in names) + '\n'
