"""Where weights come from, as far as their checkpoint says; no code from the checkpoint is run."""

import ast
import hashlib
import re
from pathlib import Path

from glot_plugin.checkpoints.reading import meta_of, read_checkpoint
from glot_plugin.config import FILE_KEYS, FOLDER_KEYS
from glot_plugin.errors import InputError

# Config keys that determine how weights are trained, besides the seed; and those among them that depend on the machine.
RECIPE_KEYS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler')
MAX_CONFIG = 2**20  # characters; configs of mmengine and mmhuman3d have about 10,000
MACHINE_KEYS = ('num_workers', 'persistent_workers', 'prefetch_factor', 'pin_memory')


def read_origin(path: str | Path) -> dict[str, str | int]:
    """Where weights come from.

    Returns:
        `converted_from`, the name of the original's file; or `config`, the name (without `.py`) of the config they were
        trained with, `recipe` (see `recipe_digest`) and `seed`. Keys that the file does not give are left out.
    """
    try:
        meta = meta_of(read_checkpoint(path), path)
    except InputError:  # mmhuman3d's own files can hold more than tensors and plain values
        return {}
    if isinstance(meta.get('converted_from'), str):
        return {'converted_from': meta['converted_from']}
    name = meta.get('experiment_name') or meta.get('exp_name')  # mmengine's, with a time stamp, or mmcv's
    found = {
        'config': re.sub(r'(^|_)\d{8}_\d{6}$', '', name or '') or None,
        'recipe': recipe_digest(str(meta['cfg'])) if 'cfg' in meta else None,
        'seed': meta.get('seed'),
    }
    return {key: value for key, value in found.items() if value is not None}


def recipe_digest(text: str) -> str | None:
    """Eight digits that differ between configs (as text) that train differently, for example by `--cfg-options`.

    The seed, the folders of files and the number of workers make no difference. None: the text is not a config.
    """
    found = {}
    try:
        for line in ast.parse(text[:MAX_CONFIG]).body:
            name = ast.unparse(line.targets[0]) if isinstance(line, ast.Assign) else None
            if name in RECIPE_KEYS:
                found[name] = ast.unparse(_WithoutMachine().visit(line.value))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deep
        return None
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:8]


class _WithoutMachine(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.keywords.sort(key=lambda keyword: keyword.arg or '')
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.keyword | None:
        if node.arg in MACHINE_KEYS:
            return None
        if node.arg in (*FOLDER_KEYS, *FILE_KEYS) and ast.unparse(node.value) != 'None':
            node.value = ast.Constant('given')
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(Path(node.value).name) if isinstance(node.value, str) else node
