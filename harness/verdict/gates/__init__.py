"""One gate a file: each decides one question about a record."""
