"""The edge: what is asked most often, answered from memory or in groups, in front of everything else."""
