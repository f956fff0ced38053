"""The SMPL body: its files, joints without a mesh, the mesh, the camera, the joint sets."""

from glot_plugin.body_model.camera import camera_to_translation, project
from glot_plugin.body_model.smpl import JOINT_SETS, SMPLBody
from glot_plugin.body_model.smpl_files import MeanParams, load_mean_params, load_smpl

__all__ = ['JOINT_SETS', 'MeanParams', 'SMPLBody', 'camera_to_translation', 'load_mean_params', 'load_smpl', 'project']
