"""Attacks on a running server, with what they cost it and what others felt of them."""
