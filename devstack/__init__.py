"""The embedded stack: what a Supabase app has in the cloud, from package registries alone."""

import os

# gRPC would remark on each program that we start while it has threads; it reads this when it is imported
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

# a developer's own `.env` leads to another project
os.environ["WEBHOOKS_ENV_FILE"] = ""
