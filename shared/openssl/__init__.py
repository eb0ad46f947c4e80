"""What only OpenSSL's C interface offers, called in the very library that Python's `ssl` is linked to.

`library` finds its functions and `pointers` OpenSSL's objects inside Python's. Nothing is called on such a pointer
before the layout has been checked against what `ssl` itself says; where a check fails, everything here raises
`NotAvailable`, and the directives that need it are refused.
"""
