"""The change log: one entry for each changed row, written in the transaction of the change."""
