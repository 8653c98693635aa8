"""What the integration tests and the benchmark share."""
