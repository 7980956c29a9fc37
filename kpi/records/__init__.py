"""The rows behind every number: which journeys, payments, visits or instalments it counts."""
