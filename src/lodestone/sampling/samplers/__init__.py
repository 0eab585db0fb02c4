"""The samplers of an arm, one file each: from the settings of a sampling job to what draws its batches."""
