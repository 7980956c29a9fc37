"""The acts of the sales half: each records its fact in the ledger and keeps what goes with it, in one transaction."""
