-- EC2 instances. Until instances can be launched, each is a machine that enrolled as one.
CREATE TABLE instances (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    reservation_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'terminated')),
    architecture TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    role TEXT NOT NULL,
    private_ip TEXT NOT NULL DEFAULT '',
    private_dns TEXT NOT NULL DEFAULT '',
    platform TEXT NOT NULL DEFAULT '',
    launched_ms INTEGER NOT NULL,
    terminated_ms INTEGER,
    PRIMARY KEY (account, region, instance_id),
    CHECK ((state = 'terminated') = (terminated_ms IS NOT NULL))
) WITHOUT ROWID;
CREATE INDEX instances_ended ON instances (account, region, terminated_ms);
