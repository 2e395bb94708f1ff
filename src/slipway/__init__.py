"""Slipway: from pull request to production model."""
