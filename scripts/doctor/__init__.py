"""Find what this machine has and lacks for the product."""
