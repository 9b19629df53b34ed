"""What the demo and the tests start when nothing is installed: a database and a broker."""
