"""The dashboards of management, marketing and sales: which figures each shows, counted together in a few queries."""
