-- Have the server keep no parts that were replaced.
ALTER TABLE {table:Identifier} {{on_cluster}} MODIFY SETTING old_parts_lifetime = 0
