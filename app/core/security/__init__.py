"""Keys, encryption, passwords, access tokens and request signatures. Knows neither HTTP nor SQL."""
