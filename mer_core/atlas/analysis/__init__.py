"""What maps and clips show: neighbours, spread, map quality, distances, the ablation's figures."""
