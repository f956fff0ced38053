"""A clip's people in the formats of other programs, and models in the formats of other runtimes."""

from glot_plugin.export.formats import FORMATS, ExportOptions, export_result

__all__ = ['FORMATS', 'ExportOptions', 'export_result']
