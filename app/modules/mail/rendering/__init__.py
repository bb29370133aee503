"""Renders mails: the catalogue of texts in each language, and the layouts that they go into."""
