-- What is left of logins that ended for good is found by when.
CREATE INDEX families_absolute ON families (absolute);
