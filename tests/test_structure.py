"""docs/structure.md keeps its promises: few modules at the top, all rooms listed, no import of a room above."""

import ast
import re
from pathlib import Path

import pytest

# From the top down: a room imports only those that come after it. The table in docs/structure.md has the same order.
ROOMS = (
    'experiments',
    'cli',
    'benchmark',
    'apis',
    'viewer',
    'export',
    'live',
    'video',
    'framework',
    'engine',
    'preflight',
    'features',
    'converters',
    'reports',
    'visualisation',
    'checkpoints',
    'transforms',
    'models',
    'datasets',
    'losses',
    'evaluation',
    'config',
    'body_model',
    'io',
    'adapters',
    'windows',
    'structures',
    'registry',
    'errors',
    'utils',
    'version',
)
MAX_LOOSE_MODULES = 8


@pytest.fixture(scope='module')
def package(repository) -> Path:
    return repository / 'glot_plugin'


@pytest.fixture(scope='module')
def imports(package) -> list[tuple[Path, str]]:
    """Every import of the package, those inside functions too: the file below the package, and the module's name."""
    return [
        (path.relative_to(package), module)
        for path in sorted(package.rglob('*.py'))
        if '.mim' not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        for module in modules_of(node)
    ]


def modules_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    assert node.level == 0, 'a relative import; expected absolute ones'
    return [f'{node.module}.{alias.name}' for alias in node.names] if node.module == 'glot_plugin' else [node.module]


def room_of(path: Path) -> str:
    return path.parts[0].removesuffix('.py')


def rooms_in(package: Path) -> list[str]:
    folders = [path.name for path in package.iterdir() if (path / '__init__.py').is_file()]
    return sorted([*folders, *(path.stem for path in package.glob('*.py') if path.name != '__init__.py')])


def test_few_modules_stand_loose_at_the_top(package):
    loose = [path.name for path in package.glob('*.py') if path.name != '__init__.py']
    assert len(loose) <= MAX_LOOSE_MODULES, sorted(loose)


def test_imports_run_down(imports):
    up = [
        f'{path} imports {module}'
        for path, module in imports
        if module.startswith('glot_plugin.') and path != Path('__init__.py')
        if ROOMS.index(module.split('.')[1]) < ROOMS.index(room_of(path))
    ]
    assert not up, '\n'.join(up)


def test_only_framework_imports_mmhuman3d(imports):
    found = [
        f'{path} imports {module}'
        for path, module in imports
        if module.split('.')[0] in ('mmhuman3d', 'mmcv') and room_of(path) != 'framework'
    ]
    assert not found, '\n'.join(found)


def test_docs_list_the_rooms_in_this_order(package, repository):
    page = (repository / 'docs' / 'structure.md').read_text(encoding='utf-8')
    listed = re.findall(r'^\| `(\w+)(?:/|\.py)` \|', page, re.MULTILINE)
    assert sorted(listed) == rooms_in(package)
    assert listed == [room for room in ROOMS if room in listed]
