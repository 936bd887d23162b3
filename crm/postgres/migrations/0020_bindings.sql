-- An extension may have several users at the same time.

DROP INDEX bindings_now;
CREATE UNIQUE INDEX bindings_now ON bindings (tenant, pbx, extension, user_id) WHERE until IS NULL;
