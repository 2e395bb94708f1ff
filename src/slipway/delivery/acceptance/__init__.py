"""The story of a project, played against the real account and the real repository: `slipway acceptance`."""
