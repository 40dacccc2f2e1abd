"""What tables quote: recognition, calibration and alignment, as pure functions."""
