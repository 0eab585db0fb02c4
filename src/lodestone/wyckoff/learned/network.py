"""The network of the learned generator: a small autoregressive transformer over Wyckoff positions.

A sequence reads: one token per element (most electropositive first), a token that carries the target, the
space group, then one token per orbit. The letters of an element are known to end when its atoms are placed,
so that an orbit's token need not name the element: it carries the position, and the element that comes next
with its atoms left. Groups and positions are embedded by their features (learned_features.py) plus a vector
of their own.

Space groups and Wyckoff positions as vectors: what is learned of one serves those that resemble it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from lodestone.wyckoff.elements import SIZE as ELEMENT_FEATURES
from lodestone.wyckoff.groups import CENTRINGS, NUMBERS, SYSTEMS, Position, SpaceGroup, space_group

WIDEST = 27
"""The most positions that a group has (Pmmm)."""


@lru_cache(maxsize=1)
def group_features() -> np.ndarray:
    """(230, n): crystal system, centring, log₂ of the order, centre of inversion, numbers of positions."""
    return np.array([_of_group(space_group(number)) for number in NUMBERS], dtype=np.float32)


@lru_cache(maxsize=1)
def position_features() -> np.ndarray:
    """(230, 27, n): freedom, multiplicity, order of the site symmetry, place; zeros where there is none."""
    rows = np.zeros((len(NUMBERS), WIDEST, len(_of_position(space_group(1), space_group(1).positions[0]))))
    for number in NUMBERS:
        group = space_group(number)
        for i, position in enumerate(group.positions):
            rows[number - 1, i] = _of_position(group, position)
    return rows.astype(np.float32)


@lru_cache(maxsize=1)
def position_multiplicities() -> np.ndarray:
    """(230, 27): atoms per primitive cell, 1 where there is no position."""
    found = np.ones((len(NUMBERS), WIDEST), dtype=np.int64)
    for number in NUMBERS:
        for i, position in enumerate(space_group(number).positions):
            found[number - 1, i] = position.multiplicity
    return found


@lru_cache(maxsize=1)
def position_rows() -> np.ndarray:
    """(230, 27): a number of its own for every position of all groups, 0 where there is none."""
    sizes = [len(space_group(number).positions) for number in NUMBERS]
    found, next_row = np.zeros((len(NUMBERS), WIDEST), dtype=np.int64), 1
    for row, size in zip(found, sizes, strict=True):
        row[:size] = np.arange(next_row, next_row + size)
        next_row += size
    return found


def _of_group(group: SpaceGroup) -> list[float]:
    fixed = sum(p.freedom == 0 for p in group.positions)
    inverted = bool((group.rotations == -np.eye(3, dtype=int)).all(axis=(1, 2)).any())
    return [
        *(float(group.system == name) for name in SYSTEMS),
        *(float(group.symbol[0] == letter) for letter in CENTRINGS),
        np.log2(len(group.rotations)) / 6,
        float(inverted),
        fixed / 8,
        len(group.positions) / WIDEST,
        np.log2(min(p.multiplicity for p in group.positions)) / 4,
        float(np.abs(group.translations).max() > 1e-6),
    ]


def _of_position(group: SpaceGroup, position: Position) -> list[float]:
    """The point nearest the origin of its first atom tells positions of the same kind apart."""
    angles = 2 * np.pi * position.offsets[0]
    return [
        *(float(position.freedom == n) for n in range(4)),
        np.log2(position.multiplicity) / 6,
        np.log2(len(group.rotations) / position.multiplicity) / 6,
        *np.cos(angles),
        *np.sin(angles),
        *(np.abs(position.slopes[0]).sum(axis=1) > 0).astype(float),
    ]


MOST = 64
"""Numbers of atoms are told apart up to this one."""
QUOTIENTS = 8


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    width: int = 64
    heads: int = 4
    layers: int = 3
    dropout: float = 0.2


@dataclass
class Batch:
    """Sequences of one batch, padded; B sequences, E elements, T orbits.

    elements (B, E, 5) features, 0 where unknown; element_counts (B, E), 0 for padding; targets (B, 2): value
    and 1, or 0 and 0 for none; log_counts (B, 230): log(1 + number of assignments); legal (B, 230); groups
    (B,) index 0 to 229; orbits (B, T) positions' indices; next_element (B, T + 1) and left (B, T + 1): the
    element to be placed after the group and after each orbit, and its atoms left (0 at the end and as
    padding); allowed (B, T + 1, 27): positions that may come next.
    """

    elements: torch.Tensor
    element_counts: torch.Tensor
    targets: torch.Tensor
    log_counts: torch.Tensor
    legal: torch.Tensor
    groups: torch.Tensor
    orbits: torch.Tensor
    next_element: torch.Tensor
    left: torch.Tensor
    allowed: torch.Tensor


class Network(nn.Module):
    """Log-probabilities of the space group and of every next position."""

    group_features: torch.Tensor
    position_features: torch.Tensor
    multiplicities: torch.Tensor
    position_rows: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape, width = shape, shape.width
        tables = {
            "group_features": torch.from_numpy(group_features()),
            "position_features": torch.from_numpy(position_features()),
            "multiplicities": torch.from_numpy(position_multiplicities()),
            "position_rows": torch.from_numpy(position_rows()),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.element = _mlp(ELEMENT_FEATURES, width)
        self.amount = nn.Embedding(MOST + 1, width)
        self.share = nn.Linear(1, width)
        self.left = nn.Embedding(MOST + 1, width)
        self.target = nn.Linear(2, width)
        self.kind = nn.Embedding(4, width)
        self.group = _mlp(self.group_features.shape[-1], width)
        self.own_group = nn.Embedding(len(self.group_features), width)
        self.position = _mlp(self.position_features.shape[-1], width)
        self.own_position = nn.Embedding(int(self.position_rows.max()) + 1, width)
        for own in (self.own_group, self.own_position):
            nn.init.normal_(own.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            width, shape.heads, 2 * width, shape.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.to_group = nn.Linear(width, width)
        self.to_position = nn.Linear(width, width)
        self.by_count = nn.Linear(width, 1)
        self.group_bias = nn.Embedding(len(self.group_features), 1)
        self.position_bias = nn.Linear(width, 1)
        self.quotient = nn.Embedding(2 * QUOTIENTS, 1)
        for bias in (self.group_bias, self.quotient):
            nn.init.zeros_(bias.weight)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the group (B, 230) and of each next position (B, T + 1, 27).

        What `legal` and `allowed` exclude has probability 0 exactly (−∞).
        """
        positions = self.position(self.position_features[batch.groups])  # (B, 27, width)
        positions = positions + self.own_position(self.position_rows[batch.groups])
        hidden, width = self._hidden(batch, positions), self.shape.width
        n_elements = batch.elements.shape[1]
        start, rest = hidden[:, n_elements], hidden[:, n_elements + 1 :]
        groups = self.to_group(start) @ self._groups().T / width**0.5
        groups = groups + self.group_bias.weight[:, 0] + self.by_count(start) * batch.log_counts
        letters = self.to_position(rest) @ positions.transpose(1, 2) / width**0.5
        letters = letters + self.position_bias(positions).transpose(1, 2) + self._quotients(batch)
        return _log_softmax(groups, batch.legal), _log_softmax(letters, batch.allowed)

    def _hidden(self, batch: Batch, positions: torch.Tensor) -> torch.Tensor:
        """The transformer's output for every token (B, E + 2 + T, width)."""
        n = batch.element_counts.clamp(max=MOST)
        share = batch.element_counts / batch.element_counts.sum(dim=1, keepdim=True)
        elements = self.element(batch.elements) + self.amount(n) + self.share(share[..., None])
        start = self.target(batch.targets)[:, None] + self.kind.weight[1]
        following = _gathered(elements, batch.next_element) + self.left(batch.left.clamp(max=MOST))
        group = self._groups()[batch.groups][:, None] + self.kind.weight[2]
        orbits = _gathered(positions, batch.orbits) + self.kind.weight[3]
        tokens = torch.cat(
            [elements + self.kind.weight[0], start, torch.cat([group, orbits], dim=1) + following], dim=1
        )
        size = tokens.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool, device=tokens.device).triu(1)
        padding = torch.zeros(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        padding[:, : batch.elements.shape[1]] = batch.element_counts == 0
        blocked = (causal[None] | padding[:, None, :]) & ~torch.eye(
            size, dtype=torch.bool, device=tokens.device
        )
        return self.norm(self.layers(tokens, mask=blocked.repeat_interleave(self.shape.heads, dim=0)))

    def _groups(self) -> torch.Tensor:
        return self.group(self.group_features) + self.own_group.weight

    def _quotients(self, batch: Batch) -> torch.Tensor:
        """A bias by how often a position's multiplicity goes into the atoms left, and whether exactly."""
        m = self.multiplicities[batch.groups][:, None, :]
        times = torch.div(batch.left[..., None], m, rounding_mode="floor").clamp(max=QUOTIENTS - 1)
        exact = (batch.left[..., None] % m == 0).long()
        return self.quotient(times * 2 + exact)[..., 0]


def _gathered(vectors: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Vectors (B, N, width) at index (B, T): (B, T, width)."""
    return vectors.gather(1, index[..., None].expand(-1, -1, vectors.shape[-1]))


def _mlp(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width))


def _log_softmax(logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Log-probabilities over what is allowed; −∞ elsewhere, also where nothing is (padding)."""
    masked = logits.masked_fill(~allowed, -torch.inf)
    nothing = ~allowed.any(dim=-1, keepdim=True)
    return torch.log_softmax(masked.masked_fill(nothing, 0.0), dim=-1).masked_fill(~allowed, -torch.inf)
