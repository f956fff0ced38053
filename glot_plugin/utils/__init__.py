"""What OpenMMLab's tools expect in a package under this name (`mmengine.hub.get_model`); nothing else is here."""

from mmengine import registry


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register every part (importing the package has done so), and make `glot` the default scope if asked to."""
    if init_default_scope:
        registry.init_default_scope('glot')
