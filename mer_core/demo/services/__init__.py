"""What pages use and no page owns: examples, transcription, atlases, background loading."""
