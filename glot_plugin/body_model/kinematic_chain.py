"""Forward kinematics of a tree of joints, with few and large operations.

Bodies are the last dimension, (J, 3, 3, N): products of 3 x 3 matrices are then sums over long rows, which CPUs and
GPUs do faster than hundreds of thousands of separate matrix products.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from glot_plugin.errors import InputError


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products (J, I, K, N) of a (J, I, L, N) and b (J, L, K, N)."""
    return (a[:, :, :, None] * b[:, None]).sum(2)


def multiply_transposed(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products aᵀ b (J, I, K, N) of a (J, L, I, N) and b (J, L, K, N)."""
    return (a[:, :, :, None] * b[:, :, None]).sum(1)


class KinematicChain(nn.Module):
    """The joints' transforms in the body's frame from those relative to their parents.

    Args:
        parents: Parent of each of J joints, -1 for the root (joint 0). A parent comes before its children, and joints
            are in the order of their distance from the root, as SMPL's are.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        super().__init__()
        paths = [[0]]
        for joint, parent in enumerate(parents[1:], start=1):
            paths.append([joint, *paths[parent]])  # from the joint to the root
        depth = torch.tensor([len(path) for path in paths])
        if (depth.diff() < 0).any():
            raise InputError(f'parents={list(parents)}: expected joints in the order of their distance from the root')
        # Pointer jumping: after k rounds a joint's matrix is the product over the last 2^k joints of its path.
        self.rounds: list[int] = []
        while (step := 2 ** len(self.rounds)) < depth.max():
            first = int((depth <= step).sum())
            before = torch.tensor([path[step] for path in paths[first:]])
            self.register_buffer(f'before_{len(self.rounds)}', before, persistent=False)
            self.rounds.append(first)
        self.register_buffer('parents', torch.tensor(parents[1:], dtype=torch.long), persistent=False)
        ancestors = torch.zeros(len(paths), len(paths))
        for joint, path in enumerate(paths):
            ancestors[joint, path] = 1
        self.register_buffer('ancestors', ancestors, persistent=False)  # [j, a]: a is j or an ancestor of j
        self.register_buffer('descendants', ancestors.T - torch.eye(len(paths)), persistent=False)  # [j, d]: d ≠ j

    def forward(self, rotmat: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations and positions of the joints.

        Args:
            rotmat: (J, 3, 3, N), rotations relative to the parent; the gradient is that of rotations.
            offsets: (J, 3, N), rest positions relative to the parent's.

        Returns:
            (J, 3, 3, N) and (J, 3, N).
        """
        if torch.is_grad_enabled():
            return _Chain.apply(rotmat, offsets, self)
        return self.transforms(rotmat, offsets)[:2]

    def transforms(self, rotmat: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rotations, positions, rotations of the parents of joints 1 …, offsets in the body's frame."""
        rotations = rotmat
        for index, first in enumerate(self.rounds):
            before = rotations.index_select(0, getattr(self, f'before_{index}'))
            rotations = torch.cat([rotations[:first], multiply(before, rotations[first:])])
        of_parents = rotations.index_select(0, self.parents)
        turned = torch.cat([offsets[:1], multiply(of_parents, offsets[1:, :, None]).squeeze(2)])
        return rotations, (self.ancestors @ turned.flatten(1)).view_as(turned), of_parents, turned


class _Chain(torch.autograd.Function):
    """The chain with the gradient in closed form: turning a joint turns all that hangs on it.

    With rotations G and positions p of joints k at or below j, G_k = G_parent R_j (G_jᵀ G_k). Hence the gradient of
    R_j: G_parentᵀ (Σ_k dG_k G_kᵀ + Σ_{k below j} dp_k (p_k - p_j)ᵀ) G_j.
    """

    @staticmethod
    def forward(ctx, rotmat: Tensor, offsets: Tensor, chain: KinematicChain) -> tuple[Tensor, Tensor]:
        rotations, positions, of_parents, turned = chain.transforms(rotmat, offsets)
        ctx.save_for_backward(rotations, of_parents, turned, chain.ancestors, chain.descendants)
        return rotations, positions

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_rotations: Tensor, grad_positions: Tensor) -> tuple[Tensor, Tensor, None]:
        rotations, of_parents, turned, ancestors, descendants = ctx.saved_tensors
        pulled = (ancestors.T @ grad_positions.flatten(1)).view_as(turned)  # what moves a joint and all below it
        twist = (grad_rotations[:, :, None] * rotations[:, None]).sum(3)  # dG Gᵀ
        lever = pulled[:, :, None] * turned[:, None]  # of the joint's own offset, felt by those above it
        summed = torch.addmm(ancestors.T @ twist.flatten(1), descendants, lever.flatten(1))
        summed = multiply(summed.view_as(rotations), rotations)
        return (
            torch.cat([summed[:1], multiply_transposed(of_parents, summed[1:])]),
            torch.cat([pulled[:1], multiply_transposed(of_parents, pulled[1:, :, None]).squeeze(2)]),
            None,
        )
