"""Changes of a field: a roll-up has the hours in which a list looks for them."""
