"""The protocol: TAP 1.1 over HTTP, with the parameters and errors of DALI 1.1."""
