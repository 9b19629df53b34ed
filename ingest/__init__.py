"""The way in: collectors' messages to stored reads."""
