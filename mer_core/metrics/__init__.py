"""Metrics of recognition, calibration and alignment; pure functions."""
