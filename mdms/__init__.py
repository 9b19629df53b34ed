"""mdms: the open AMI head-end and meter data management system."""
