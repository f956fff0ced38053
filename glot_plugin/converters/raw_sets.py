"""The raw data sets that mmhuman3d's converters read: their names, their folders and the converter's arguments.

Running a converter requires mmhuman3d: `glot_plugin.framework.raw_sets`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from glot_plugin.converters.database_specs import named

RAW = 'raw:'  # tells them from our own names, some of which are almost the same


@dataclass(frozen=True)
class RawSet:
    """One raw data set, as its makers publish it.

    Attributes:
        name: mmhuman3d's name for it, after `raw:`.
        converter: mmhuman3d's class.
        folder: Folder below `--root`, as in mmhuman3d's documentation.
        modes: Parts to convert; if empty, all that the converter has.
        options: Arguments of the converter.
        folder_options: Arguments that are folders below `--root`, which may be missing.
        has_pictures: Whether there is anything to extract features from.
    """

    name: str
    converter: str
    folder: str
    modes: tuple[str, ...] = ()
    options: dict[str, object] = field(default_factory=dict)
    folder_options: dict[str, str] = field(default_factory=dict)
    has_pictures: bool = True


_MOSH = {'mosh_dir': 'h36m_mosh'}

RAW_SETS = (
    RawSet('raw:amass', 'AmassConverter', 'AMASS_file', has_pictures=False),
    RawSet('raw:cliff', 'CliffConverter', 'cliff'),
    RawSet('raw:coco', 'CocoConverter', 'coco'),
    RawSet('raw:coco_hybrik', 'CocoHybrIKConverter', 'coco/train_2017'),
    RawSet('raw:coco_wholebody', 'CocoWholebodyConverter', 'coco'),
    RawSet('raw:crowdpose', 'CrowdposeConverter', 'crowdpose'),
    RawSet('raw:eft', 'EftConverter', 'eft'),
    RawSet('raw:gta_human', 'GTAHumanConverter', 'gta_human'),
    RawSet('raw:h36m_hybrik', 'H36mHybrIKConverter', 'hybrik_data'),
    RawSet('raw:h36m_p1', 'H36mConverter', 'h36m', options={'protocol': 1}, folder_options=_MOSH),
    RawSet('raw:h36m_p2', 'H36mConverter', 'h36m', modes=('valid',), options={'protocol': 2}),
    RawSet('raw:humman', 'HuMManConverter', 'humman'),
    RawSet('raw:instavariety_vibe', 'InstaVibeConverter', 'vibe_data'),
    RawSet('raw:lsp_dataset', 'LspConverter', 'lsp_dataset', modes=('test',)),
    RawSet('raw:lsp_extended', 'LspExtendedConverter', 'lspet'),
    RawSet('raw:lsp_original', 'LspConverter', 'lsp', modes=('train',)),
    RawSet('raw:mpi_inf_3dhp', 'MpiInf3dhpConverter', 'mpi_inf_3dhp'),
    RawSet('raw:mpi_inf_3dhp_hybrik', 'MpiInf3dhpHybrIKConverter', 'hybrik_data'),
    RawSet('raw:mpii', 'MpiiConverter', 'mpii'),
    RawSet('raw:penn_action', 'PennActionConverter', 'penn_action'),
    RawSet('raw:posetrack', 'PosetrackConverter', 'posetrack'),
    RawSet('raw:pw3d', 'Pw3dConverter', 'pw3d'),
    RawSet('raw:pw3d_hybrik', 'Pw3dHybrIKConverter', 'hybrik_data'),
    RawSet('raw:spin', 'SpinConverter', 'spin_data'),
    RawSet('raw:surreal', 'SurrealConverter', 'surreal'),
    RawSet('raw:up3d', 'Up3dConverter', 'up-3d'),
)


def find_raw_sets(names: Iterable[str]) -> list[RawSet]:
    """The raw data sets of these names, in their order.

    Raises:
        InputError: An unknown name.
    """
    return named(RAW_SETS, names, 'raw data set')


def features_command(part: str, human_data: Path, root: Path) -> str | None:
    """The command that makes a track store of a raw data set's HumanData; None if there are no pictures."""
    (raw_set,) = find_raw_sets([part.split()[0]])
    if not raw_set.has_pictures:
        return None
    store = human_data.with_suffix('')
    return f'python tools/extract_features.py {human_data} {store} --image-root {root / raw_set.folder}'
