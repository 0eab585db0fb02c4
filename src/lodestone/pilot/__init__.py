"""The pilot: chooses the strength of guidance on structures that are used for nothing else."""

PILOT_VERSION = 1
"""Raised by hand when pilots would choose otherwise: another strength samples the arms anew."""
