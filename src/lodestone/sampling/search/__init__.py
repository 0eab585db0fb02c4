"""Structure search: diffusion with forces in its drift, and random search, its limit without a score."""
