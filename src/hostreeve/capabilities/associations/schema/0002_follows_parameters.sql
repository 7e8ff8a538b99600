-- Whether `follows` names parameters: every change of a parameter asks, and few associations do.
ALTER TABLE associations ADD COLUMN follows_parameters INTEGER NOT NULL DEFAULT 0;
UPDATE associations SET follows_parameters = 1 WHERE follows LIKE '%parameter:%';
CREATE INDEX associations_following ON associations (account, region) WHERE follows_parameters = 1;
