"""From rows to what a person reads: figures, tables for plots, sentences, and one HTML page."""
