"""What plugins run on: finding and loading them, the session they see, their hooks, and the queues of log plugins."""
