"""`python -m train check`: what in a copy of the corpora would spoil a result."""
