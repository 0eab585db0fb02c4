"""Drawing crystals: MatterGen's diffusion, guidance, particles, searches, and shards that survive a kill."""

SAMPLE_VERSION = 2
"""Raised by hand when samples would come out differently: nobody wants GPU-weeks redone for a refactoring."""
