-- When a calendar was looked at last: one for which that lies ahead was looked at under a clock that has jumped back.
ALTER TABLE calendars ADD COLUMN noted_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX calendars_noted ON calendars (noted_ms);
