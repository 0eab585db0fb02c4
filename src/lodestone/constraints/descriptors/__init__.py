"""One file per descriptor: a pydantic model of its YAML, its smooth value and its hard value."""
