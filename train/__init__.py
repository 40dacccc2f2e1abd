"""Corpora → folds → loop → results → checkpoint. Sits beside serving; the app never imports it."""
