"""One module per page; the atlas has `atlas_events` and `atlas_content` beside its layout."""
