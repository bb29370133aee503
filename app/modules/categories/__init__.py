"""A tree of product categories."""
