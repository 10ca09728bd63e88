"""Painting without a neural network."""
