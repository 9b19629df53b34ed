"""A seeded city that talks like a real one; it shares no code with the way in."""
