"""What is heard on the telephone: one catalogue of texts, made into 8 kHz files before any call."""
