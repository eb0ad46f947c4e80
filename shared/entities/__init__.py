"""The gateway's entities, as Kong's Admin API knows them: schemas, records, the catalog of a node, declarative files.

    raw = decode(pairs, schema)                     form.py       a form's fields as a body, types inferred
    proposal = catalog.create("routes", raw)        catalog.py    checked: proposal.record, proposal.changes
    catalog.apply(proposal.changes)                               once they are stored
    catalog.page("routes", size, offset, tags)                    lists
    described(schema)                               description.py  what `/schemas/routes` answers

Whatever is refused raises `Violation` (violation.py), which holds status and body of the answer.
"""
