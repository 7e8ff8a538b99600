-- What DescribePatchProperties asks for. What was reported before is reported again within a day.
ALTER TABLE patch_catalog ADD COLUMN classification TEXT NOT NULL DEFAULT '';
ALTER TABLE patch_catalog ADD COLUMN severity TEXT NOT NULL DEFAULT '';
ALTER TABLE patch_catalog ADD COLUMN priority TEXT NOT NULL DEFAULT '';
CREATE INDEX patch_catalog_properties
    ON patch_catalog (account, region, operating_system, classification, severity, priority);
