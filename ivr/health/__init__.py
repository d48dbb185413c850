"""How the server is: alarms for people, `/live` and `/ready` for whoever watches, `/metrics` for Prometheus."""
