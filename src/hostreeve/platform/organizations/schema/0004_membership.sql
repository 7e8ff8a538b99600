-- Invitations. party_id is an account's id or an e-mail address, as the invitation named it.
CREATE TABLE organization_handshakes (
    handshake_id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    party_type TEXT NOT NULL CHECK (party_type IN ('ACCOUNT', 'EMAIL')),
    party_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('OPEN', 'ACCEPTED', 'CANCELED', 'DECLINED')),
    notes TEXT NOT NULL,
    tags TEXT NOT NULL,
    requested_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    forget_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX organization_handshakes_sent ON organization_handshakes (organization_id, handshake_id);
CREATE INDEX organization_handshakes_received ON organization_handshakes (party_id, handshake_id);
CREATE INDEX organization_handshakes_old ON organization_handshakes (forget_ms);

-- AWS services that may work with the organization (trusted access).
CREATE TABLE organization_services (
    organization_id TEXT NOT NULL,
    service TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (organization_id, service)
) WITHOUT ROWID;

-- Accounts that administer a service for the organization.
CREATE TABLE organization_delegations (
    organization_id TEXT NOT NULL,
    account TEXT NOT NULL,
    service TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (organization_id, account, service)
) WITHOUT ROWID;
CREATE INDEX organization_delegations_by_service
    ON organization_delegations (organization_id, service, account);

-- What the organization itself says about who may manage its policies.
CREATE TABLE organization_resource_policies (
    organization_id TEXT NOT NULL PRIMARY KEY,
    policy_id TEXT NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID;
