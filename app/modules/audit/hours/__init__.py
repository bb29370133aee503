"""Changes of a field or of an action: a roll-up has the hours in which a list looks for them."""
