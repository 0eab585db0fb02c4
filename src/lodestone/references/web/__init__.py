"""Asking databases over the network, and reading what they give.

`settings`: how patient to be, shared by every source; `fetch`: one page of JSON, tried again where that
can help; `links`: which addresses may be followed; `pages`: finished pages on disk, for a killed build;
`paging`: all pages of a query, counted; `crystals`, `optimade`, `computed`: entries to rows, and why an
entry is no reference.
"""
