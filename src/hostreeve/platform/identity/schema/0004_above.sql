-- What stands above an account: the organization whose policies limit it (its stamp counts with the account's
-- own), and whether the account is closed. An organization has a row too, under its id.
ALTER TABLE iam_stamps ADD COLUMN organization TEXT NOT NULL DEFAULT '';
ALTER TABLE iam_stamps ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
