-- An execution that begins others in other accounts and Regions: AutomationType CrossAccount.
ALTER TABLE automation_executions ADD COLUMN is_cross_account INTEGER NOT NULL DEFAULT 0;
