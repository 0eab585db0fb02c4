"""Joins of the stage tables, and tables as text."""
