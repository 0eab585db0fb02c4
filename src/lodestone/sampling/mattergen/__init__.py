"""The bridge to MatterGen; nothing outside this package imports it."""
