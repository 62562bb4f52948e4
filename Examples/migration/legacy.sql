-- The tables that the example migrates from. Replace them by yours, and the two queries of migrate by queries
-- of your tables.
CREATE TABLE legacy_coupon (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    quantity bigint,                    -- NULL: unlimited
    starts timestamptz NOT NULL,
    ends timestamptz                    -- NULL: never
);
CREATE TABLE legacy_coupon_user (
    coupon_id bigint NOT NULL REFERENCES legacy_coupon,
    user_id bigint NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (coupon_id, user_id)
);
