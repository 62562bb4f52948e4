"""The messages of the schema, as Scripts/generate-python makes them."""
