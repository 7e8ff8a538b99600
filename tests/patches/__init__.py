"""Patch Manager."""
