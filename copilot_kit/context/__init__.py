"""What of a conversation goes into the next request, within the model's window."""
