"""The calls: what each route does once a request has reached the framework."""
