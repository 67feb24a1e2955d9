"""What the commands do, by subject; `epntap.cli` only parses."""
