"""What the workbench costs: ``python -m benchmarks`` measures and prints one table."""
