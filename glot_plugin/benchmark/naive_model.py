"""The model computed as published, step by step: the baseline for the speed of ours."""

import torch
from torch import Tensor, nn

from glot_plugin.body_model.joint_sets import SMPL_PARENTS, SPIN49_OF_54
from glot_plugin.body_model.smpl import SMPLBody, surface_regressor
from glot_plugin.models.dropout import Dropout
from glot_plugin.models.estimator import GLoTEstimator
from glot_plugin.models.global_motion import GlobalMotionModel, GlobalTransformer
from glot_plugin.models.hscr import JointCorrections, joint_ancestors
from glot_plugin.models.iterative_regressor import IterativeRegressor
from glot_plugin.models.layers import TransformerEncoder
from glot_plugin.models.masking import take_frames
from glot_plugin.structures import SmplParams


class MeshBody(SMPLBody):
    """Regresses the 49 joints from the whole mesh."""

    def __init__(self, model_dir: str, gender: str = 'neutral') -> None:
        super().__init__(model_dir, gender)
        regressor = torch.as_tensor(surface_regressor(model_dir)).float()
        self.register_buffer('surface', regressor, persistent=False)

    def joints(self, rotmat: Tensor, betas: Tensor, joint_set: str = 'spin49') -> Tensor:
        vertices = self.vertices(rotmat, betas)
        kinematic = super().joints(rotmat, betas, 'smpl24')
        return torch.cat([kinematic, self.surface @ vertices], dim=-2)[..., SPIN49_OF_54, :]


def as_published(model: GLoTEstimator, model_dir: str) -> GLoTEstimator:
    """Make a model compute as published; its weights and predictions stay the same."""
    device = next(model.parameters()).device
    model.body_model = MeshBody(model_dir).to(device)
    branch = model.head.global_branch
    branch.transformer.decode_windows = _embed_all(branch.transformer)
    branch.forward = _layer_after_layer(branch)
    for module in list(model.modules()):
        if isinstance(module, IterativeRegressor):
            module.forward = _concatenate_always(module)
        if isinstance(module, JointCorrections):
            module.forward = _joint_after_joint(module)
        if isinstance(module, TransformerEncoder):
            module.forward = _block_after_block(module)
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, nn.Dropout(child.p).train(child.training))
    return model


def _block_after_block(module: TransformerEncoder):
    """timm's blocks for all tokens, of which those asked for are taken."""

    def forward(tokens: Tensor, queries: slice | None = None) -> Tensor:
        encoded = module.norm(module.blocks(tokens))
        return encoded if queries is None else encoded[:, queries]

    return forward


def _layer_after_layer(module: GlobalMotionModel):
    """Projects the decoded tokens to features, then regresses."""

    def forward(features: Tensor, visible: Tensor | None = None) -> tuple[SmplParams, Tensor]:
        decoded, memory = module.transformer(features, visible=visible)
        return module.regressor(decoded), memory

    return forward


def _embed_all(module: GlobalTransformer):
    """Embeds all frames, then drops the masked ones."""

    def forward(features: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
        embedded = module.position(module.embed(features))
        if visible is None:
            memory = module.encoder(embedded)
            return module.decode(memory), memory
        memory = module.encoder(take_frames(embedded, visible))
        return module.decode(memory, visible), memory

    return forward


def _concatenate_always(module: IterativeRegressor):
    """Feeds [feature, parameters] through the hidden layer in every iteration."""

    def forward(features: Tensor, start: SmplParams | None = None) -> SmplParams:
        params = module.mean_params.expand(*features.shape[:-1]) if start is None else start
        for _ in range(module.num_iterations):
            joined = torch.cat([features, params.pose6d, params.betas, params.camera], dim=-1)
            hidden = module.dropout(module.fc1(joined))
            params = SmplParams(
                params.pose6d + module.decode_pose(hidden),
                params.betas + module.decode_betas(hidden),
                params.camera + module.decode_camera(hidden),
            )
        return params

    return forward


def _joint_after_joint(module: JointCorrections):
    """Computes the joints' corrections one after the other (SMPL's tree)."""
    ancestors = joint_ancestors(SMPL_PARENTS)

    def forward(hidden: Tensor, pose6d: Tensor) -> Tensor:
        corrections: list[Tensor] = []
        for joint, layer in enumerate(module.joints):
            above = [corrections[ancestor] for ancestor in ancestors[joint]]
            own = pose6d[..., joint * module.own_step : joint * module.own_step + 6]
            corrections.append(layer(torch.cat([hidden, *above, own], dim=-1)))
        return torch.cat(corrections, dim=-1)

    return forward
