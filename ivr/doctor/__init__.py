"""`ivr doctor`: looks at an installation from outside, and says what to do. It changes nothing."""
