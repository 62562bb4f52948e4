-- Names that say what things are. Nothing moves.

-- Changes that the gate may not have applied yet.
ALTER TABLE coupond.untold_change RENAME TO gate_outbox;
ALTER TABLE coupond.gate_outbox RENAME CONSTRAINT untold_change_pkey TO gate_outbox_pkey;
ALTER TABLE coupond.gate_outbox RENAME COLUMN noted_at TO added_at;

ALTER TABLE coupond.dead_letter RENAME COLUMN told TO synced;
ALTER INDEX coupond.dead_letter_untold RENAME TO dead_letter_unsynced;

COMMENT ON COLUMN coupond.dead_letter.synced IS
    'false from the commit of a decision until the gate has applied it';

-- An accepted request that ended without an issue is a rejection; dead letters are shown as rejections too.
ALTER VIEW coupond.refusal RENAME TO rejection;
