"""The edges to Asterisk: AGI, AMI and the configuration generated for it."""
