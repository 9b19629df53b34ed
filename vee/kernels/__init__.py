"""Arrays in, arrays out: each kernel is one rule or one method, over all channels at once."""
