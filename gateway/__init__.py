"""The gateway: the HTTP API for the cron, health checks and admins. It enqueues deliveries; it never sends them."""
