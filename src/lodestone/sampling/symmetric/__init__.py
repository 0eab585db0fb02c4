"""Sampling in the symmetric subspace of a proposal: strict space group, exact formula."""
