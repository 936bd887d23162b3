-- When the entry at the checkpoint was received, in microseconds since 1970; 0 is unknown. What
-- came after it a log that lost its end cannot tell any more.

ALTER TABLE pbxs ADD COLUMN pos_at bigint NOT NULL DEFAULT 0;
