"""A tree of what the products are."""
