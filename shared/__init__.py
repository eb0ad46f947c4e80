"""What master and worker must agree on. No sockets, no loop, no clock."""
