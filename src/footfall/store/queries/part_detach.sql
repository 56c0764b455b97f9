-- Leaves a broken part out of its table, so that reading the others works again.
ALTER TABLE {table:Identifier} DETACH PART {part:String}
