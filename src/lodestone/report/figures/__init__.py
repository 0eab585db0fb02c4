"""Figures: a table goes in, a plotly figure comes out; None where there is nothing to draw."""
