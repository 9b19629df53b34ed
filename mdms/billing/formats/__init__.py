"""What billing systems read: one module per format, each a pure function to bytes."""
