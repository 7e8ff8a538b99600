-- Named leases: who may do what only one may do, until when, and the fence that grows with every new holder.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);
