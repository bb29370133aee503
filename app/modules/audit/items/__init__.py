"""What the change log says of one item: its states, and how to go back to one."""
