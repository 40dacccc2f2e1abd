"""What the pages ask: atlases, shipped clips, transcripts."""
