"""Speed and memory, as ratios against a named baseline in the same run. Not collected by pytest."""
