"""Copy a trained checkpoint to the embedded assets and write the cards."""

import argparse
from pathlib import Path


def main(quality: list[Path], checkpoint: Path, assets: Path, training_steps: int) -> None:
    """Ship the checkpoint; the cards tell how it was made and how good it is."""
    import json

    import yaml

    from lodestone.runtime.files import copy_file, write_json, write_text
    from training.mattergen.card import asset_hashes, mattergen_card

    found = {path.stem: json.loads(path.read_text()) for path in sorted(quality)}
    target = assets / "mattergen"
    for name in ("config.yaml", "checkpoints/last.ckpt"):
        copy_file(checkpoint / name, target / name)
    config = yaml.safe_load((target / "config.yaml").read_text())
    crystals = sum(config["data_module"]["num_atoms_counts"]["all"].values())
    write_text(target / "card.md", mattergen_card(found, checkpoint.name, training_steps, crystals))
    hashes = asset_hashes(target, ["config.yaml", "checkpoints/last.ckpt"])
    write_json(target / "card.json", {"quality": found, "shipped": checkpoint.name, "sha256": hashes})
    write_json(assets / "card.json", {"sha256": asset_hashes(assets, ["references.parquet"])})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quality", type=Path, nargs="+")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--training-steps", type=int, required=True)
    a = parser.parse_args()
    main(a.quality, a.checkpoint, a.assets, a.training_steps)
