"""What a project's set-up lacks, and the command that mends it: `slipway doctor`."""
