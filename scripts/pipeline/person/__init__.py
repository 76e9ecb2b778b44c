"""Proof for a person: the page's addresses called as a browser calls them, the page opened, a journey played."""
