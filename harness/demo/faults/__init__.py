"""Faults and innocent look-alikes of the embedded chat server, one file each, loaded into it by
path.
"""
