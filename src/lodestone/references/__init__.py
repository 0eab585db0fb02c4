"""Known crystals to compare with: where they come from (`sources/`) and how they are kept (`store`)."""
