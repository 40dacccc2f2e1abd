"""Sections of the atlas page with events of their own.

`lab` and `refit` lay their section out; `*_events` is what its events do; the rest is plain data.
"""
