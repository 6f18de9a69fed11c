"""Small convolutional blocks shared by the networks. They take plain integers and publish ``out_channels``."""

from __future__ import annotations

from torch import Tensor, nn

from OsteoJointLib.errors import Reason, UsageError


class ConvNormAct(nn.Sequential):
    """3x3 convolution, batch normalization, ReLU; same width and height.

    Args:
        in_channels, out_channels: channels before and after.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        self.out_channels = out_channels


class ResidualDoubleConv(nn.Module):
    """The U-Net's two 3x3 convolutions with a residual shortcut around them (paper, section 3.4).

    Args:
        in_channels, out_channels: channels before and after; the shortcut is a 1x1 convolution where they differ.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.out_channels = out_channels
        self.first = ConvNormAct(in_channels, out_channels)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H, W)."""
        return self.act(self.norm(self.second(self.first(x))) + self.shortcut(x))


def fill_bias(layer: nn.Conv2d, value: float) -> None:
    """Set every bias of a convolution that has biases."""
    if layer.bias is not None:
        nn.init.constant_(layer.bias, value)


def check_image(x: Tensor, channels: int, multiple: int, network: str) -> None:
    """Refuse an image batch of the wrong shape.

    Args:
        x: the batch, expected (B, channels, H, W).
        channels: expected channels.
        multiple: H and W must be multiples of this many pixels, and at least this many.
        network: the network's name for the sentence.

    Raises:
        UsageError: it has another shape.
    """
    if x.ndim == 4 and x.shape[1] == channels and all(n > 0 and n % multiple == 0 for n in x.shape[2:]):
        return
    raise UsageError(
        Reason.USAGE,
        f"The {network} takes images of (B, {channels}, H, W) with H and W multiples of {multiple}, "
        f"not of {tuple(x.shape)}. Crop or pad them first.",
    )
