"""The rules in force: their history, the last good ones, watching the file, putting it into force."""
