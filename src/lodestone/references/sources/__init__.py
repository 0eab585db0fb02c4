"""One file per kind of source of known crystals; the file's name is the `kind` in a description.

A file holds one frozen class derived from `LocalSource`, `SystemSource` or `BulkSource` (see
`lodestone.references.source`) and imports nothing heavy at its top. Adding a kind is adding a file: the
registry finds it, and configuration, schema and documentation follow. A database of a kind that is there
needs no code: it is a YAML file in `databases/`. Other packages register theirs as entry points of
`lodestone.sources`, named like the module of the class.
"""
