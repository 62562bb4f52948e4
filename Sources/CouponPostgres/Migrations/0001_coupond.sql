-- What coupond keeps. Everything lives in one schema, and all SQL names it.
--
-- Moments are timestamptz: the same microseconds that Redis TIME gives, exact in binary form, and
-- readable by a person who looks into the tables.

CREATE TABLE coupond.installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    install_id uuid NOT NULL DEFAULT gen_random_uuid(),
    partitions integer NOT NULL CHECK (partitions > 0)
);

CREATE TABLE coupond.partition (
    id integer PRIMARY KEY CHECK (id >= 0),
    epoch bigint NOT NULL DEFAULT 0,
    cursor_epoch bigint NOT NULL DEFAULT 0,
    cursor_n bigint NOT NULL DEFAULT 0,
    redis_identity text,
    CHECK (cursor_epoch <= epoch)
) WITH (fillfactor = 50);

CREATE TABLE coupond.coupon (
    id bigint PRIMARY KEY CHECK (id > 0),
    title text NOT NULL,
    total bigint CHECK (total > 0),
    issued bigint NOT NULL DEFAULT 0 CHECK (issued >= 0),
    last_sequence bigint NOT NULL DEFAULT 0,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    version bigint NOT NULL CHECK (version > 0),
    CONSTRAINT never_over_issue CHECK (issued <= total),
    CHECK (opens_at < closes_at)
) WITH (fillfactor = 50);

COMMENT ON COLUMN coupond.coupon.total IS 'null is unlimited';
COMMENT ON COLUMN coupond.coupon.state IS '1 active, 2 paused, 3 closed';

-- Coupons that an admin has changed, or was about to: whether the gate knows is looked at once more, a
-- little later. Written before the gate is asked for anything, so that no crash leaves it alone with it.
CREATE TABLE coupond.untold_change (
    coupon_id bigint PRIMARY KEY,
    noted_at timestamptz NOT NULL
);

-- No foreign key: it halves the rate of issuing, and the locked row of the coupon guards as well.
CREATE TABLE coupond.coupon_issue (
    coupon_id bigint NOT NULL,
    user_id bigint NOT NULL CHECK (user_id > 0),
    sequence bigint NOT NULL CHECK (sequence > 0),
    accepted_at timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    request_id bytea NOT NULL,
    PRIMARY KEY (coupon_id, user_id)
);

CREATE TABLE coupond.issue_rejection (
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    n bigint NOT NULL,
    sequence bigint NOT NULL,
    coupon_id bigint NOT NULL,
    user_id bigint NOT NULL,
    reason smallint NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    request_id bytea NOT NULL,
    PRIMARY KEY (partition, epoch, n, sequence)
);

CREATE INDEX issue_rejection_user ON coupond.issue_rejection (coupon_id, user_id);

COMMENT ON COLUMN coupond.issue_rejection.reason IS
    '1 sold out, 2 already issued, 3 coupon not found';

-- One row for each request; for an entry whose users nobody knows, one row without a user.
CREATE TABLE coupond.dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    n bigint NOT NULL,
    coupon_id bigint,
    user_id bigint,
    sequence bigint,
    request_id bytea,
    accepted_at timestamptz,
    bytes bytea,
    error text NOT NULL,
    state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 3),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX dead_letter_position
    ON coupond.dead_letter (partition, epoch, n, coalesce(sequence, 0));
CREATE INDEX dead_letter_user ON coupond.dead_letter (coupon_id, user_id);

COMMENT ON COLUMN coupond.dead_letter.bytes IS
    'the queue entry as it was found, where it could not be read';
COMMENT ON COLUMN coupond.dead_letter.state IS '1 held, 2 redriven, 3 discarded';

-- Requests that ended without an issue. A held dead letter is told as a rejection with reason 4.
CREATE VIEW coupond.refusal AS
    SELECT partition, epoch, n, sequence, coupon_id, user_id, request_id, reason
    FROM coupond.issue_rejection
    UNION ALL
    SELECT partition, epoch, n, sequence, coupon_id, user_id, request_id, 4::smallint
    FROM coupond.dead_letter
    WHERE state = 1 AND user_id IS NOT NULL;

-- The fence, and the first statement of the issuing transaction. It must raise: in a pipeline an
-- UPDATE that changes no row would let the rest of the transaction commit.
CREATE FUNCTION coupond.move_cursor(
    the_partition integer, expected_epoch bigint,
    from_epoch bigint, from_n bigint, to_epoch bigint, to_n bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE coupond.partition
    SET cursor_epoch = to_epoch, cursor_n = to_n
    WHERE id = the_partition AND epoch = expected_epoch
        AND cursor_epoch = from_epoch AND cursor_n = from_n;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'partition % has another epoch or cursor than % and %-%',
            the_partition, expected_epoch, from_epoch, from_n
            USING ERRCODE = 'CPFEN';
    END IF;
END
$$;
