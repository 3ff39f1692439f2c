"""Explaining: asks the server why something grows, and adds the answers to the record."""
