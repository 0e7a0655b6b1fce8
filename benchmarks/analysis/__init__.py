"""Captured logs, analysed by the workbench and by its peers."""
