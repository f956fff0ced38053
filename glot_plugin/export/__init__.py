"""Exporting a clip's people to formats of other programs, and models to formats of other runtimes."""

from glot_plugin.export.formats import FORMATS, ExportOptions, export_result

__all__ = ['FORMATS', 'ExportOptions', 'export_result']
