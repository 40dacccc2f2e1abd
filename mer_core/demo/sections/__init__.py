"""Parts of a page with events of their own."""
