"""Roll-ups: how many entries of each kind a day or an hour has, counted when entries are shipped or sealed."""
