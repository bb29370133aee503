"""Programs around the product: measuring it, breaking it, and starting a module."""
