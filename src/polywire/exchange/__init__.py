"""The embedded exchange: a venue that needs no internet. So far it only makes recordings (stage 2 opens its doors)."""
