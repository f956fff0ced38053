"""Adding GLoT's modules to mmhuman3d's registries."""

from importlib import import_module

from glot_plugin.framework.compat.import_hook import patch_when_imported

# Module of mmhuman3d → the files here that add to its registry.
PARTS = {
    'mmhuman3d.models.heads.builder': ('heads',),
    'mmhuman3d.models.necks.builder': ('necks',),
    'mmhuman3d.models.losses.builder': ('losses',),
    'mmhuman3d.models.architectures.builder': ('velocity_estimator', 'glot_estimator'),
    'mmhuman3d.data.datasets': ('pipelines', 'video_dataset'),
}


def enable() -> None:
    """Register GLoT's modules with mmhuman3d, now or as it is imported; a second call changes nothing."""
    for module, files in PARTS.items():
        patch_when_imported(module, lambda _, files=files: _import(files))


def _import(files: tuple[str, ...]) -> None:
    for file in files:
        import_module(f'{__package__}.{file}')
