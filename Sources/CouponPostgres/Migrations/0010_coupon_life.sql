-- What becomes of a closed coupon: it is archived, so lists leave it out and its rows stay; or it is deleted,
-- if nobody's request for it was ever decided.

ALTER TABLE coupond.coupon ADD COLUMN archived_at timestamptz;
-- Rows from before are not archived, so they need no check.
ALTER TABLE coupond.coupon
    ADD CONSTRAINT archived_is_closed CHECK (archived_at IS NULL OR state = 3) NOT VALID;

-- A list of either kind is read without a walk over the other kind, however many there are.
CREATE INDEX coupon_listed ON coupond.coupon (id) WHERE archived_at IS NULL;
CREATE INDEX coupon_archived ON coupond.coupon (id) WHERE archived_at IS NOT NULL;

-- The ids of deleted coupons, which are never used again.
CREATE TABLE coupond.deleted_coupon (
    coupon_id bigint PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

-- A new coupon waits for a transaction that deletes one of the same id. What it has read before may be
-- older than that; this trigger reads again.
CREATE FUNCTION coupond.refuse_deleted_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM coupond.deleted_coupon WHERE coupon_id = NEW.id) THEN
        RAISE EXCEPTION 'coupon % was deleted, and its id is never used again', NEW.id
            USING ERRCODE = 'CPDEL';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER refuse_deleted_id AFTER INSERT ON coupond.coupon
    FOR EACH ROW EXECUTE FUNCTION coupond.refuse_deleted_id();

-- Deletes a coupon, and keeps its id; false if it may not go. It runs with the rights of the schema's owner:
-- a daemon's role cannot delete coupons in another way.
CREATE FUNCTION coupond.delete_coupon(the_coupon bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM coupond.coupon_issue WHERE coupon_id = the_coupon)
        OR EXISTS (SELECT FROM coupond.issue_rejection WHERE coupon_id = the_coupon)
        OR EXISTS (SELECT FROM coupond.dead_letter WHERE coupon_id = the_coupon)
    THEN
        RETURN false;
    END IF;
    DELETE FROM coupond.coupon
    WHERE id = the_coupon AND state = 3 AND issued = 0 AND last_sequence = 0;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO coupond.deleted_coupon (coupon_id) VALUES (the_coupon);
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION coupond.delete_coupon(bigint) FROM PUBLIC;
