"""Tasks, and the users who do them."""
