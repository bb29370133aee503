"""The document of the API for programs that draw screens, packed."""
