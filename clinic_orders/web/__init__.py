"""The doors for people: one blueprint a file. A view loads what the actor may see, calls one action, says it."""
