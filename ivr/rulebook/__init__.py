"""The rules in force: accepted editions and their history, the last good one, watching the file, applying it to calls."""
