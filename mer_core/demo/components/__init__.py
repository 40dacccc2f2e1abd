"""Parts that several pages are built from, and how handlers' answers reach them."""
