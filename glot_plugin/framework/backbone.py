"""mmhuman3d's ResNet-50 as the feature extractor of the paper."""

from mmhuman3d.models.backbones.resnet import ResNet
from torch import Tensor, nn


class PooledResNet(nn.Module):
    """A ResNet whose last stage is averaged over the picture: (B, 3, S, S) to (B, C)."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.resnet = resnet

    def forward(self, images: Tensor) -> Tensor:
        return self.resnet(images)[-1].mean(dim=(-2, -1))


def build_resnet50() -> PooledResNet:
    """ResNet-50 with randomly initialised weights; parameters have torchvision's (and SPIN's) names, C = 2048."""
    resnet = ResNet(depth=50, out_indices=(3,))
    resnet.init_weights()
    return PooledResNet(resnet)
