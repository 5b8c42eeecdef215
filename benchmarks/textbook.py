"""Plain fp32 training loops, written as a textbook would: what our recipes are measured against.

No channels-last, no bf16, no fused optimizer, no moving average, no augmentation. ``dcgan`` is the
loop of Radford et al. 2016 (cross-entropy, Adam 2e-4, beta1 0.5, batch 64); ``sngan`` is Miyato et
al. 2018 (hinge, spectral normalisation, the convolutional networks of its table 3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Step = Callable[[Tensor], None]


class TextbookGenerator(nn.Sequential):
    """z 100 -> 4x4 -> ... -> size, transposed 4x4 convolutions, batch norm, ReLU, tanh."""

    def __init__(self, size: int, channels: int, width: int = 64, dims: int = 100) -> None:
        steps = (size // 4).bit_length() - 1
        wide = width << (steps - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(dims, wide, 4, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(True),
        ]
        for _ in range(steps - 1):
            layers += [
                nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(wide // 2),
                nn.ReLU(True),
            ]
            wide //= 2
        super().__init__(*layers, nn.ConvTranspose2d(wide, channels, 4, 2, 1), nn.Tanh())
        self.apply(_init)


class TextbookDiscriminator(nn.Sequential):
    """size -> ... -> 4x4 -> one logit, 4x4 convolutions with stride 2, batch norm, LeakyReLU."""

    def __init__(self, size: int, channels: int, width: int = 64) -> None:
        steps = (size // 4).bit_length() - 1
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for _ in range(steps - 1):
            layers += [
                nn.Conv2d(width, width * 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(width * 2),
                nn.LeakyReLU(0.2, True),
            ]
            width *= 2
        super().__init__(*layers, nn.Conv2d(width, 1, 4), nn.Flatten())
        self.apply(_init)


class SpectralDiscriminator(nn.Sequential):
    """Miyato et al. 2018, table 3: 3x3 and 4x4 convolutions under spectral normalisation."""

    def __init__(self, size: int, channels: int, width: int = 64) -> None:
        sn = nn.utils.parametrizations.spectral_norm
        layers: list[nn.Module] = [sn(nn.Conv2d(channels, width, 3, 1, 1)), nn.LeakyReLU(0.1)]
        side = size
        while side > 8:
            wider = min(width * 2, 512)
            layers += [
                sn(nn.Conv2d(width, width, 4, 2, 1)),
                nn.LeakyReLU(0.1),
                sn(nn.Conv2d(width, wider, 3, 1, 1)),
                nn.LeakyReLU(0.1),
            ]
            width, side = wider, side // 2
        layers += [nn.Flatten(), sn(nn.Linear(width * side * side, 1))]
        super().__init__(*layers)


def _init(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def dcgan(G: nn.Module, D: nn.Module, dims: int = 100) -> Step:
    """One step of the classic loop."""
    g_adam = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()

    def step(real: Tensor) -> None:
        n = len(real)
        ones, zeros = real.new_ones(n, 1), real.new_zeros(n, 1)
        d_adam.zero_grad()
        bce(D(real).view(n, 1), ones).backward()
        fake = G(torch.randn(n, dims, 1, 1, device=real.device))
        bce(D(fake.detach()).view(n, 1), zeros).backward()
        d_adam.step()
        g_adam.zero_grad()
        bce(D(fake).view(n, 1), ones).backward()
        g_adam.step()

    return step


def sngan(G: nn.Module, D: nn.Module, dims: int = 100) -> Step:
    """One step with the hinge loss."""
    g_adam = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(real: Tensor) -> None:
        n = len(real)
        d_adam.zero_grad()
        fake = G(torch.randn(n, dims, 1, 1, device=real.device))
        loss = F.relu(1 - D(real)).mean() + F.relu(1 + D(fake.detach())).mean()
        loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        (-D(G(torch.randn(n, dims, 1, 1, device=real.device))).mean()).backward()
        g_adam.step()

    return step


def build(
    name: str, size: int, channels: int, seed: int, device: str = "cpu"
) -> tuple[nn.Module, Step]:
    """A generator on this device and the loop's step, by name."""
    torch.manual_seed(seed)
    G = TextbookGenerator(size, channels).to(device)
    if name == "dcgan":
        return G, dcgan(G, TextbookDiscriminator(size, channels).to(device))
    return G, sngan(G, SpectralDiscriminator(size, channels).to(device))


def batches(pictures: NDArray, seed: int, batch: int = 64) -> Iterator[Tensor]:
    """Shuffled epochs of float pictures in [-1, 1], last part dropped."""
    data = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    order = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(data), generator=order).split(batch):
            if len(rows) == batch:
                yield data[rows].float() / 127.5 - 1


def train(
    name: str, pictures: NDArray, moments: list[float], seed: int, samples: int = 2000
) -> dict[float, NDArray]:
    """Train for the longest of ``moments`` (seconds); samples uint8 at each of them."""
    G, step = build(name, pictures.shape[1], pictures.shape[3], seed)
    found: dict[float, NDArray] = {}
    spent, feed = 0.0, batches(pictures, seed)
    for moment in sorted(moments):
        begun = time.perf_counter()
        while spent + time.perf_counter() - begun < moment:
            step(next(feed))
        spent += time.perf_counter() - begun
        found[moment] = sample(G, samples, seed)
    return found


@torch.no_grad()
def sample(G: nn.Module, count: int, seed: int) -> NDArray:
    """``count`` pictures in evaluation mode, uint8 NHWC."""
    G.eval()
    drawn = torch.Generator().manual_seed(seed)
    parts = [G(torch.randn(100, 100, 1, 1, generator=drawn)) for _ in range(-(-count // 100))]
    G.train()
    pictures = torch.cat(parts)[:count].add(1).mul(127.5).round().clamp(0, 255)
    return pictures.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
