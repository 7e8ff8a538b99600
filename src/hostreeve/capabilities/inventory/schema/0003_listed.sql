-- Whether all that was known when the sync was made has been queued.
ALTER TABLE resource_data_syncs ADD COLUMN listed INTEGER NOT NULL DEFAULT 1;
