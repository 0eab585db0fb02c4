"""One file per source of known crystals; the file's name is the name in a campaign's `references`.

A file holds one frozen `Source` (see `lodestone.references.source`). Adding a source is adding a
file: the registry finds it.
"""
