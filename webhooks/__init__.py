"""The vocabulary that gateway and workers share: settings, deliveries, destinations, signing, queue and store."""
