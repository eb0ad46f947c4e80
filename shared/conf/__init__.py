"""The language: lexer, parser, one directive table, and the builders of the model."""
