"""A real OPTIMADE server on loopback, in a process of its own, with the embedded references in it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from importlib import resources
from math import gcd

import numpy as np
import polars as pl
from ase.data import chemical_symbols

PREFIX = "_lodetest"
FIELDS = ("energy", "energy_per_atom", "stability")
START = 60  # seconds


def embedded() -> pl.DataFrame:
    """What the server is filled with."""
    return pl.read_parquet(str(resources.files("lodestone.embedded") / "references.parquet"))


def documents():
    """Entries of the database: the embedded table, and three crystals that are no references."""
    entries = [document(row) for row in embedded().iter_rows(named=True)]
    mixed = document(embedded().filter(pl.col("chemical_system") == "Co-Li-O").row(0, named=True))
    mixed["id"] = mixed["attributes"]["immutable_id"] = "disordered"
    lithium = next(kind for kind in mixed["attributes"]["species"] if kind["name"] == "Li")
    lithium |= {"chemical_symbols": ["Li", "vacancy"], "concentration": [0.5, 0.5]}
    mixed["attributes"]["structure_features"] = ["disorder"]
    molecule = document(embedded().filter(pl.col("chemical_system") == "O").row(0, named=True))
    molecule["id"] = molecule["attributes"]["immutable_id"] = "molecule"
    nowhere = {"dimension_types": [0, 0, 0], "nperiodic_dimensions": 0, "lattice_vectors": [[None] * 3] * 3}
    molecule["attributes"] |= nowhere
    return [*entries, mixed, molecule]


def document(row):
    """A row of the table of references as an OPTIMADE entry."""
    cell = np.reshape(row["cell"], (3, 3))
    symbols = [chemical_symbols[z] for z in row["numbers"]]
    counts = Counter(symbols)
    elements = sorted(counts)
    divisor = gcd(*counts.values())
    shares = [counts[e] // divisor for e in elements]
    attributes = {
        "immutable_id": row["source_id"],
        "last_modified": {"$date": "2026-01-01T00:00:00Z"},
        "elements": elements,
        "nelements": len(elements),
        "elements_ratios": [counts[e] / len(symbols) for e in elements],
        "chemical_formula_descriptive": formula(elements, shares),
        "chemical_formula_reduced": formula(elements, shares),
        "chemical_formula_anonymous": formula("ABCDEFGH", sorted(shares, reverse=True)),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "lattice_vectors": cell.tolist(),
        "cartesian_site_positions": (np.reshape(row["frac"], (-1, 3)) @ cell).tolist(),
        "nsites": len(symbols),
        "species": [{"name": e, "chemical_symbols": [e], "concentration": [1.0]} for e in elements],
        "species_at_sites": symbols,
        "structure_features": [],
        "energy": row["energy_per_atom"] * len(symbols),
        "energy_per_atom": row["energy_per_atom"],
        "stability": {"gga_gga+u": {"energy_above_hull": row["e_above_hull"]}},
    }
    return {"id": row["source_id"], "type": "structures", "attributes": attributes}


def formula(names, counts):
    return "".join(f"{name}{count if count > 1 else ''}" for name, count in zip(names, counts, strict=False))


@contextmanager
def running(folder):
    """Port of a server that runs as long as the context; its log is server.log in `folder`."""
    lines = [{"x-optimade": {"meta": {"api_version": "1.2.0"}}}, *documents()]
    (folder / "entries.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    provider = {"prefix": PREFIX[1:], "name": "Test", "description": "Test", "homepage": None}
    fields = [{"name": name, "type": "float", "description": name, "unit": "eV"} for name in FIELDS]
    settings = {
        "insert_test_data": False,
        "insert_from_jsonl": str(folder / "entries.jsonl"),
        "database_backend": "mongomock",
        "gzip": {"enabled": True, "minimum_size": 1000},
        "log_dir": str(folder),
        "provider": provider,
        "provider_fields": {"structures": fields},
    }
    (folder / "server.json").write_text(json.dumps(settings))
    environment = {**os.environ, "OPTIMADE_CONFIG_FILE": str(folder / "server.json")}
    with socket.create_server(("127.0.0.1", 0)) as listening, (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "uvicorn", "optimade.server.main:app", "--no-access-log"]
        server = subprocess.Popen(
            [*command, "--fd", str(listening.fileno())],
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=[listening.fileno()],
        )
        port = listening.getsockname()[1]
        try:
            wait(server, port, folder / "server.log")
            yield port
        finally:
            server.kill()
            server.wait()


def wait(server, port, log):
    """Until the server answers."""
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=START):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the OPTIMADE server did not start:\n{log.read_text()[-3000:]}")
