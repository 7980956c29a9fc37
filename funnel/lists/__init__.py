"""The list of journeys as people arrange it: columns, order, filters, saved views, editing in cells, many at once."""
