"""The pilot: chooses the strength of guidance on structures that are used for nothing else."""
