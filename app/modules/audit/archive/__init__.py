"""The archive of the audit log: closed months in files, which are proved by the tree that stays in the database."""
