"""The drivers under one interface: connections, a pool of them, and selects that run on them."""
