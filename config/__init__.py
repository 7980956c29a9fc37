"""Wires everything together; imported by none of the apps."""
