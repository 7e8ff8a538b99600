-- What accounts chose lies with all service settings now; the place of packages stays here.
INSERT INTO service_settings (account, region, setting, value, modified_by, modified_ms)
SELECT account, region, setting, value, modified_by, modified_ms FROM document_settings
WHERE setting = '/ssm/documents/console/public-sharing-permission';
DELETE FROM document_settings WHERE setting = '/ssm/documents/console/public-sharing-permission';
