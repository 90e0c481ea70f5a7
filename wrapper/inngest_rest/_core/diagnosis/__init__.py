"""Diagnosis: what answers at the base URL, and whether keys and settings fit it."""
