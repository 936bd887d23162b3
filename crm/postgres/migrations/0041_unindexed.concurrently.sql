CREATE INDEX CONCURRENTLY IF NOT EXISTS calls_unindexed ON calls (tenant, id) WHERE terms IS NULL
