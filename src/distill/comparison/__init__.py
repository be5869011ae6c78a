"""Two runs compared: what each answered, what differs between them, and the page that shows it."""
