"""The gateway: an HTTP front for the cron, health checks and admins. It enqueues; it never delivers."""
