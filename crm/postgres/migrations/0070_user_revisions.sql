-- A number for each tenant that every change of its users and their extensions raises, so
-- that who keeps a copy asks for one number instead of reading all of them.
CREATE TABLE user_revisions (
  tenant   text COLLATE "C" PRIMARY KEY,
  revision bigint NOT NULL
);

CREATE FUNCTION raise_user_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO user_revisions AS r (tenant, revision) VALUES (coalesce(NEW.tenant, OLD.tenant), 1)
    ON CONFLICT (tenant) DO UPDATE SET revision = r.revision + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER users_revised AFTER INSERT OR UPDATE OR DELETE ON users
  FOR EACH ROW EXECUTE FUNCTION raise_user_revision();
CREATE TRIGGER bindings_revised AFTER INSERT OR UPDATE OR DELETE ON bindings
  FOR EACH ROW EXECUTE FUNCTION raise_user_revision();
