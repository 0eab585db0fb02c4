"""Gather the known crystals of the campaign's chemical system from its sources."""

from pathlib import Path

from lodestone.workflow.script_settings import ReferencesSettings


def main(*, settings: ReferencesSettings, output: Path, sources: Path) -> None:
    """Write one table of references, source after source, and what came of each source."""
    from lodestone.curation.settings import elements_of
    from lodestone.references.descriptions import resolve
    from lodestone.references.gather import gather, record
    from lodestone.references.store import Store, store_folder
    from lodestone.runtime.files import write_json
    from lodestone.structures.table import write_table

    asked = [resolve(entry) for entry in settings.references]
    found, outcomes = gather(asked, elements_of(settings.chemical_system), Store(store_folder()))
    write_json(sources, record(outcomes))
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
