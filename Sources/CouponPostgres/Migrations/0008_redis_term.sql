-- In which term of Redis a partition was last given an epoch: the config epoch of a cluster's node or of
-- Sentinel. A Redis of a lower term gets none, because a later master may have accepted requests.

ALTER TABLE coupond.partition
    ADD COLUMN redis_term bigint NOT NULL DEFAULT 0 CHECK (redis_term >= 0);

COMMENT ON COLUMN coupond.partition.redis_term IS
    'never falls, unless an admin adopts a new cluster; 0 for a single Redis';
