-- For lists that are narrowed: what they look for may be rare, or long ago. Nearly everything ends well, and a list
-- of that is the list of the newest; the rest is little.
CREATE INDEX commands_of_status ON commands (account, region, status, requested_ms, command_id)
    WHERE status <> 'Success';
-- Several statuses in one order. The lists are those of store/filters.py, word for word, or they are of no use.
CREATE INDEX commands_open ON commands (account, region, requested_ms, command_id)
    WHERE status IN ('Pending', 'InProgress', 'Cancelling');
CREATE INDEX commands_timed_out ON commands (account, region, requested_ms, command_id)
    WHERE status IN ('DeliveryTimedOut', 'ExecutionTimedOut');
CREATE UNIQUE INDEX commands_of_document ON commands (account, region, document_name, requested_ms, command_id);
CREATE INDEX command_invocations_of_status
    ON command_invocations (account, region, status, requested_ms, command_id, node_id)
    WHERE status <> 'Success';
CREATE INDEX command_invocations_timed_out ON command_invocations (account, region, requested_ms, command_id, node_id)
    WHERE status IN ('DeliveryTimedOut', 'ExecutionTimedOut');
