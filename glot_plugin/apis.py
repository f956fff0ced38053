"""The API for scripts and notebooks: load a trained model, predict a track or a complete video.

from glot_plugin.apis import infer_track, infer_video, init_model

model = init_model('glot_plugin::glot/glot_3dpw.py', 'glot_3dpw.pth')
track = infer_track(model, features)  # (N, 2048)
track.rotmat, track.betas, track.camera, track.joints3d, track.vertices()

quick = infer_track(model, features, mode='fast+bf16')  # docs/speed.md

result = infer_video(model, 'clip.mp4', 'out')  # also writes out/tracks.npz, overlay.mp4, side.mp4
for person in result.people:
    person.frame, person.rotmat, person.joints3d, person.translation
"""

from glot_plugin.engine.inference import TrackPrediction, infer_track, init_model
from glot_plugin.video.run import infer_video

__all__ = ['TrackPrediction', 'infer_track', 'infer_video', 'init_model']
