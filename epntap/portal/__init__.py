"""Pages for people: what is published, how to ask for it, and a first look at the rows."""
