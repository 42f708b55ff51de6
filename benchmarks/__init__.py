"""Measurements and stress tests that are too long for the test suite; one command each."""
