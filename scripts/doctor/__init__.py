"""What this machine has and lacks for the product."""
