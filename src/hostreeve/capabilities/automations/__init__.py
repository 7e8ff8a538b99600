"""Automation: runbooks of schema 0.3, carried out step by step, whatever happens to the server meanwhile."""
