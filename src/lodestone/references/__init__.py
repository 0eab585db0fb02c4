"""Known crystals to compare with: where they come from, how they are kept, what a campaign gets of them.

`sources/` holds the kinds of sources and `databases/` descriptions of databases; `descriptions` makes sources
of what a campaign lists; `store` keeps what was fetched (`building`, `upkeep`); `gather` collects the
references of a campaign.
"""
