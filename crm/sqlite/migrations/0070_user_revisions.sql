-- A number for each tenant that every change of its users and their extensions raises, so
-- that who keeps a copy asks for one number instead of reading all of them.
CREATE TABLE user_revisions (
  tenant   TEXT PRIMARY KEY,
  revision INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER users_insert AFTER INSERT ON users BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (NEW.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
CREATE TRIGGER users_update AFTER UPDATE ON users BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (NEW.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
CREATE TRIGGER users_delete AFTER DELETE ON users BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (OLD.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
CREATE TRIGGER bindings_insert AFTER INSERT ON bindings BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (NEW.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
CREATE TRIGGER bindings_update AFTER UPDATE ON bindings BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (NEW.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
CREATE TRIGGER bindings_delete AFTER DELETE ON bindings BEGIN
  INSERT INTO user_revisions (tenant, revision) VALUES (OLD.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = revision + 1;
END;
