"""A campaign: from its YAML file to arms, shards, seeds, paths and what each stage depends on.

Pure and light: importing this package imports pydantic and yaml, nothing heavier.
"""

from __future__ import annotations

from lodestone.config.arms import Arm, Shard, arms, shards
from lodestone.config.campaign import Campaign
from lodestone.config.load import load_campaign
from lodestone.runtime.seeds import derive_seed
from lodestone.schema.errors import ConfigError, Fault

__all__ = [
    "Arm",
    "Campaign",
    "ConfigError",
    "Fault",
    "Shard",
    "arms",
    "derive_seed",
    "load_campaign",
    "shards",
]
