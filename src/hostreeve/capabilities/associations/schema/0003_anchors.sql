-- `anchor_ms`: when the schedule was made or last changed; rates and offsets count from it. `reckoned_ms`: when
-- `due_ms` was reckoned; one that lies ahead was reckoned under a clock that has jumped back since.
ALTER TABLE associations ADD COLUMN anchor_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE associations ADD COLUMN reckoned_ms BIGINT NOT NULL DEFAULT 0;
UPDATE associations SET anchor_ms = updated_ms, reckoned_ms = updated_ms;
CREATE INDEX associations_reckoned ON associations (reckoned_ms);
