"""The models of the other examples here, with random weights and inputs that are the same each time.

A name of torchvision's (`mobilenet_v2`), or `whisper`: an encoder as small speech recognisers
have it, after that of OpenAI's Whisper (https://arxiv.org/abs/2212.04356): two convolutions over
300 frames of 80 bands, and four blocks of attention, 128 wide, with four heads.
"""

from __future__ import annotations

import sys

import torch
import torchvision
from torch.nn import functional

BANDS, FRAMES, WIDTH, HEADS, BLOCKS = 80, 300, 128, 4, 4


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before_attention = torch.nn.LayerNorm(WIDTH)
        self.query = torch.nn.Linear(WIDTH, WIDTH)
        self.key = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.value = torch.nn.Linear(WIDTH, WIDTH)
        self.out = torch.nn.Linear(WIDTH, WIDTH)
        self.before_network = torch.nn.LayerNorm(WIDTH)
        self.widen = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def heads(y: torch.Tensor) -> torch.Tensor:
            return y.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

        y = self.before_attention(x)
        query, key, value = heads(self.query(y)), heads(self.key(y)), heads(self.value(y))
        weights = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        y = weights.softmax(-1) @ value
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.widen(self.before_network(x))))


class Encoder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.second = torch.nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("places", torch.randn(FRAMES // 2, WIDTH))
        self.blocks = torch.nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.last = torch.nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.second(functional.gelu(self.first(x))))
        return self.last(self.blocks(x.transpose(1, 2) + self.places))


def make(name: str, size: int = 224) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """A model and its inputs; `size` is the height and width of a picture, in pixels."""
    torch.manual_seed(0)
    if name == "whisper":
        return Encoder().eval(), (torch.randn(1, BANDS, FRAMES),)
    if name not in torchvision.models.list_models(module=torchvision.models):
        sys.exit(f"{name}: neither whisper nor one of torchvision's models that classify pictures")
    return torchvision.models.get_model(name, weights=None).eval(), (torch.randn(1, 3, size, size),)
