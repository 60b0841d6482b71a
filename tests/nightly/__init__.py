"""What takes too long, or needs too much, for every change: `make nightly`."""
