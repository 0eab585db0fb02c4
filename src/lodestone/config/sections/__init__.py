"""The sections of a campaign file, one file each: defaults, types, units, bounds and their documentation."""
