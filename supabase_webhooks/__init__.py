"""Webhooks for Supabase apps.

The folders gateway, workers and webhooks of the source tree, under a name that does not collide with anyone's own.
"""
