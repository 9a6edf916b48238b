"""What an attempt means: submit, await the arrival, and say what became of it."""
