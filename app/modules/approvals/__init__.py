"""Four eyes: changes that wait until a second person approves them."""
