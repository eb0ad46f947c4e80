"""The one directive table: what may be written where, with which arguments, and what it means in a sentence."""
