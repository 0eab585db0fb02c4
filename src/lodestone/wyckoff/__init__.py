"""Space groups, their Wyckoff positions, and proposals of which atoms sit on which."""
