"""What each sampler that an arm can name takes."""
