"""What is wrong with a set-up, found before it costs reads; every finding says what to do."""
