-- Every archived line of quarantine once more: of each record's lines the table keeps the one that is furthest.
INSERT INTO quarantine
    (customer, product, type, version, timestamp, context, sequence, batch, code, place, reason, plan, address, origin,
    user_agent, state, changed_by, set_type, received, held_since)
SELECT customer, product, type, version, timestamp, context, sequence, batch, code, place, reason, plan, address, origin,
    user_agent, state, changed_by, set_type, received, held_since
FROM {archived:Identifier}
