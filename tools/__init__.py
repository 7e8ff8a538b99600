"""Programs for those who work on Hostreeve."""
