"""Diagnosis: which server is at the base URL, and whether keys and settings match it."""
