"""The embedded stack: what a Supabase app has in the cloud, from package registries alone."""
