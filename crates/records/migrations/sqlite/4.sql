-- Who does what only one server may do at a time, and until when.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    ends   INTEGER NOT NULL
) WITHOUT ROWID;
