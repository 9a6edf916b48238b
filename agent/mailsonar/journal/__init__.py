"""What survives a crash: attempts in flight, counts, recent results."""
