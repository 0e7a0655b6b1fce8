"""Whole choreographies to learn from, each in one file."""
