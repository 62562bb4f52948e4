-- What admins did, and what callers with a name were not allowed to do. Lines are only ever added: a daemon's
-- role needs INSERT and SELECT here and nothing else.
CREATE TABLE coupond.admin_action (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    principal text COLLATE "C" NOT NULL CHECK (octet_length(principal) <= 256),
    address text NOT NULL CHECK (octet_length(address) <= 256),
    method text NOT NULL CHECK (octet_length(method) <= 64),
    coupon_id bigint,
    request numeric(20) NOT NULL,
    before jsonb CHECK (octet_length(before::text) <= 8192),
    after jsonb CHECK (octet_length(after::text) <= 8192),
    outcome text NOT NULL CHECK (octet_length(outcome) <= 1024),
    count bigint NOT NULL DEFAULT 1 CHECK (count > 0)
);

COMMENT ON COLUMN coupond.admin_action.request IS
    'the id in the envelope of the request, which the caller chose';
COMMENT ON COLUMN coupond.admin_action.outcome IS
    'OK, BEGUN (another line has the end), or code and text of the error';
COMMENT ON COLUMN coupond.admin_action.count IS
    'how many calls the line stands for: denied ones are counted by the minute';

-- The two ways in which it is read, newest first, however many lines there are.
CREATE INDEX admin_action_coupon ON coupond.admin_action (coupon_id, id);
CREATE INDEX admin_action_principal ON coupond.admin_action (principal, id);
