"""What sibling services may ask, and nobody else."""
