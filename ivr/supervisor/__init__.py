"""`ivr up`: Asterisk and the controller under one roof, for trying, testing and small installations."""
