CREATE INDEX CONCURRENTLY IF NOT EXISTS calls_terms ON calls USING gin (terms) WITH (gin_pending_list_limit = 512) WHERE NOT open
