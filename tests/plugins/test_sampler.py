"""A sampler in one new file, or registered by another package, draws the shards of an arm."""

from __future__ import annotations

import polars as pl

SHARD = "results/toys/arms/line/samples/0000.parquet"
SAMPLING = "{structures: 6, shard: 6, batch_size: 4, seed: 7, atoms: {exactly: 4}}"


def test_a_campaign_names_it_its_faults_are_told_and_it_draws(house, campaign, tmp_path, root):
    def with_sampler(sampler):
        return campaign(sampling=SAMPLING, arms=f"[{{name: line, sampler: {sampler}}}]")

    code, said = house.check(tmp_path, with_sampler("{kind: grid, spacin: 2}"))
    assert code == 2
    assert "arms[0].sampler.spacin: unknown key, did you mean 'spacing'?; allowed: kind, spacing" in said
    assert said.startswith("toys.yaml:")
    code, said = house.check(tmp_path, with_sampler("{kind: grid, spacing: 2.5}"))
    assert code == 0, said

    words = ["--config", "toys.yaml", "--arm", "line", "--shard", 0, "--output", SHARD]
    done = house.call(tmp_path, root / "scripts" / "sample.py", *words, "--state", "state/line/0000")
    assert done.returncode == 0, done.stderr
    drawn = pl.read_parquet(tmp_path / SHARD)
    assert drawn.height == 6
    assert not drawn["failed"].any()
    assert drawn["arm"].unique().to_list() == ["line"]
    assert set(drawn["numbers"].explode()) <= {8, 27}
