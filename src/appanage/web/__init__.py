"""HTTP for people: pages, forms and the protocol endpoints that answer browsers."""
