"""The workers: Dramatiq jobs that claim due deliveries, attempt them, and record the results."""
