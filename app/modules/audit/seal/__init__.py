"""The seal of the audit log: a Merkle tree over its entries, signed checkpoints of the tree, and witnesses."""
