-- Put a pseudonym in the place of a person's value in the rows of a table; the server does it in the background.
ALTER TABLE {table:Identifier} {{on_cluster}} UPDATE context = arrayMap(
    value -> if(has({person_digests:Array(String)}, hex(SHA256(concat({person_salt:String}, value)))),
        {pseudonym:String}, value),
    context)
WHERE {{gone}}
