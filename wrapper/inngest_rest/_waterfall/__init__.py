"""A trace as a waterfall: laid out once, drawn for a terminal and as a page."""
