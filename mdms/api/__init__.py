"""REST under /v1: routes only translate; what they call lives in mdms.services."""
