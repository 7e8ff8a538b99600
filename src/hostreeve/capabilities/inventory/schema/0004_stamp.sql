-- A text that is another one after every sweep of entries: what a process remembers of their ids holds as long as
-- it is the same.
CREATE TABLE inventory_stamp (
    place  INTEGER NOT NULL PRIMARY KEY CHECK (place = 1),
    stamp  TEXT NOT NULL
);
