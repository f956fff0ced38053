"""GLoT's prediction of windows with what is affine at test time in a few matrices.

The regressors of both branches have no activations, and their dropout is off in testing. So a frame's parameters are an
affine function of its decoded token (the global branch's), of what its query gathers in the cross-attention (the local
branch's), and of what the regressor starts from: one matrix, made once from the modules.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glot_plugin.models.affine import affine_matrix, in_double
from glot_plugin.models.global_motion import GlobalMotionModel, GlobalTransformer
from glot_plugin.models.hscr import HSCR, ResidualRegressor
from glot_plugin.models.iterative_regressor import IterativeRegressor
from glot_plugin.models.layers import attend
from glot_plugin.models.local_correction import LocalCorrection
from glot_plugin.structures import SmplParams

# By their very types: a class derived from one of these may have activations.
AFFINE_REGRESSORS = (IterativeRegressor, HSCR, ResidualRegressor)


def has_known_layout(global_branch: nn.Module, local_branch: nn.Module | None) -> bool:
    """Whether branches are the paper's, whatever their regressors, rather than classes of somebody's own."""
    own = local_branch is not None and type(local_branch) is not LocalCorrection
    return type(global_branch) is GlobalMotionModel and type(global_branch.transformer) is GlobalTransformer and not own


class FusedWindows(nn.Module):
    """Predicts some frames of embedded windows; equal to the branches' modules one after the other to rounding.

    Weights are taken when it is built, and do not follow those of the branches.

    Args:
        global_branch, local_branch: With the layout of the paper; without a local branch, the global one's parameters.
        frames: Which frames of a window to predict, Q of them.
        dtype: What the transformers calculate in, by default that of their weights. Regressors are never in less than
            float32.
    """

    def __init__(
        self,
        global_branch: GlobalMotionModel,
        local_branch: LocalCorrection | None,
        frames: slice,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        transformer = global_branch.transformer
        weights = next(transformer.parameters())
        self.frames, self.dtype = frames, dtype or weights.dtype
        tower = {'position': transformer.position, 'encoder': transformer.encoder, 'decoder': transformer.decoder}
        tower |= {'decoder_position': transformer.decoder_position}
        self.splits = [transformer.decoder_embed.out_features]
        if local_branch is not None:
            self.num_heads = local_branch.cross_attention.num_heads
            first = local_branch.select.frames.start
            self.queries = slice(frames.start - first, frames.stop - first)
            tower |= {'near_position': local_branch.position, 'near_encoder': local_branch.encoder}
            tower |= {'query': local_branch.cross_attention.query}
            self.splits += 2 * [local_branch.cross_attention.query.out_features]
        self.tower = nn.ModuleDict(tower)
        if self.dtype != weights.dtype:
            self.tower = deepcopy(self.tower).to(self.dtype)
        self.tower['from_memory'] = _from_memory(transformer, local_branch).to(weights.device, self.dtype)
        self.regress = _regressors(global_branch, local_branch)

    def forward(self, embedded: Tensor, nearby: Tensor | None = None, start: Tensor | None = None) -> Tensor:
        """Parameters (B, Q, 157) as `SmplParams.flat` has them.

        Args:
            embedded: (B, T, embed_dim), frames embedded for the global branch.
            nearby: (B, 2 w + 1, dim), nearby frames embedded for the local branch.
            start: (B, Q, 157), what the regressor starts from; None: the mean parameters.
        """
        tower = self.tower
        memory = tower.encoder(tower.position(embedded.to(self.dtype)))
        tokens, *key_value = tower.from_memory(memory).split(self.splits, dim=-1)
        decoded = tower.decoder(tower.decoder_position(tokens), self.frames)
        if nearby is None:
            return self.regress(decoded, None, start)
        near = tower.near_encoder(tower.near_position(nearby.to(self.dtype)), self.queries)
        return self.regress(decoded, attend(tower.query(near), *key_value, self.num_heads), start)


def _from_memory(transformer: GlobalTransformer, local_branch: LocalCorrection | None) -> nn.Linear:
    """The one layer from the memory to the decoder's tokens and to keys and values of the cross-attention."""
    layers = [in_double(transformer.decoder_embed)]
    if local_branch is not None:
        parts = local_branch.memory_embed, local_branch.cross_attention.key_value
        layers.append(nn.Sequential(*(in_double(part) for part in parts)))
    weight, bias = affine_matrix(lambda x: torch.cat([layer(x) for layer in layers], -1), transformer.memory_dim)
    layer = nn.Linear(*weight.T.shape, dtype=weight.dtype)
    layer.load_state_dict({'weight': weight, 'bias': bias})
    return layer.requires_grad_(False)


def _regressors(global_branch: GlobalMotionModel, local_branch: LocalCorrection | None) -> nn.Module:
    layered = LayeredRegressors(global_branch, local_branch)
    regressors = [branch.regressor for branch in (global_branch, local_branch) if branch is not None]
    return FusedRegressors(layered) if all(type(x) in AFFINE_REGRESSORS for x in regressors) else layered


class LayeredRegressors(nn.Module):
    """Everything from decoded tokens and gathered values to parameters, layer after layer, of any regressors."""

    def __init__(self, global_branch: GlobalMotionModel, local_branch: LocalCorrection | None) -> None:
        super().__init__()
        self.out_proj, self.regressor = global_branch.transformer.out_proj, global_branch.regressor
        self.has_start = global_branch.start is not None
        self.proj = self.correct = None
        if local_branch is not None:
            self.proj, self.correct = local_branch.cross_attention.proj, local_branch.regressor

    def forward(self, decoded: Tensor, gathered: Tensor | None, start: Tensor | None) -> Tensor:
        """Parameters (..., 157).

        Args:
            decoded: (..., decoder_dim).
            gathered: (..., dim), of the cross-attention before its projection.
            start: (..., 157), or None for the mean parameters.
        """
        dtype = self.out_proj.weight.dtype
        start = None if start is None else SmplParams.from_flat(start)
        params = self.regressor(self.out_proj(decoded.to(dtype)), start=start)
        if gathered is not None:
            params = self.correct(self.proj(gathered.to(dtype)), params)
        return params.flat


class FusedRegressors(nn.Module):
    """The same as one matrix; see `LayeredRegressors.forward`."""

    def __init__(self, layered: LayeredRegressors) -> None:
        super().__init__()
        like = layered.out_proj.weight
        layered = in_double(layered)
        inputs = [layered.out_proj.in_features, 0 if layered.proj is None else layered.proj.in_features]
        inputs.append(layered.regressor.mean_params.flat().numel() if layered.has_start else 0)

        def of_concatenated(x: Tensor) -> Tensor:
            parts = [part if part.shape[-1] else None for part in x.split(inputs, dim=-1)]
            return layered(*parts)

        weight, bias = affine_matrix(of_concatenated, sum(inputs))
        self.register_buffer('weight', weight.to(like))
        self.register_buffer('bias', bias.to(like))

    def forward(self, decoded: Tensor, gathered: Tensor | None, start: Tensor | None) -> Tensor:
        parts = [part for part in (decoded, gathered, start) if part is not None]
        return F.linear(torch.cat(parts, dim=-1).to(self.weight.dtype), self.weight, self.bias)
