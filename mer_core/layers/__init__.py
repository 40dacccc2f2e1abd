"""Building blocks of encoders and frameworks: attention, fusion, pooling, residual blocks."""
