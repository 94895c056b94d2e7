"""What the public may be told: only what the bureau has opened, and of it only what these questions give (decision 0043)."""
