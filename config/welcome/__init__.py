"""The first run: an empty installation leads its administrator through organisation, people, first form and data.

Each step may be skipped and taken up later; what was done or skipped is kept, so that the way goes on where it was left.
Once it is through, or left, it never comes up by itself again.
"""
