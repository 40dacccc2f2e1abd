"""From finished runs to what ships: export, heads, maps, card."""
