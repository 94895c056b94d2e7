"""The door for browsers: pages over actions and queries."""
