-- Everything in one part, read and thrown away: it fails where the part is broken.
SELECT count() FROM {table:Identifier} WHERE _part = {part:String} AND NOT ignore(*)
