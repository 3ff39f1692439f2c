"""The server under test: how it is started, reached, watched and sampled."""
