"""The digest: the figures of a week or a month by e-mail, to those who want it."""
