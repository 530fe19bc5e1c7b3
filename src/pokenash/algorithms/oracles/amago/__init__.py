"""The oracle that has metamon's own training done in another Python environment, through files."""
