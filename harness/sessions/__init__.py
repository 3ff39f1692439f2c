"""Driving: scenarios, sessions, handshakes and chat protocols."""
