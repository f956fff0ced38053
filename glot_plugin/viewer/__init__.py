"""A page that shows people in 3D beside their video: one HTML file that needs no network and no server."""

from glot_plugin.viewer.embedded_video import EmbeddedVideo, embedded_video
from glot_plugin.viewer.page import write_page, write_viewer
from glot_plugin.viewer.scene import AnimatedBody, ErrorCurve, TrueJoints, ViewerScene, scene_of_result, scene_of_track

__all__ = [
    'AnimatedBody',
    'EmbeddedVideo',
    'ErrorCurve',
    'TrueJoints',
    'ViewerScene',
    'embedded_video',
    'scene_of_result',
    'scene_of_track',
    'write_page',
    'write_viewer',
]
