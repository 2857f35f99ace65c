"""The report of a compiled net as one HTML page: a file a section, and a page that joins them."""
