-- Have the server keep parts that were replaced for its usual eight minutes.
ALTER TABLE {table:Identifier} {{on_cluster}} MODIFY SETTING old_parts_lifetime = 480
