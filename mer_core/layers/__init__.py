"""What encoders and frameworks are built of: attention, fusion, pooling, residuals."""
