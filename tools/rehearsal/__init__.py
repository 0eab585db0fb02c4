"""A campaign at full size without the published weights: real architectures, random numbers in them."""
