"""Who makes the products."""
