"""What footfall asks of the operating system and its own process.

Each trick with its reason. Each module is a door of its own."""
