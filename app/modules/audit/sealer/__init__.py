"""The sealer: gives the entries of both logs their order, and signs trees over them."""
