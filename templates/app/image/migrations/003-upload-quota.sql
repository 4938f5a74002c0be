-- Room that an upload has before its first byte is stored. It ends with the upload, or, where that was killed, when its time is up.
CREATE TABLE upload_reservations (
  id         uuid PRIMARY KEY,
  client     text NOT NULL,
  day        date NOT NULL,
  bytes      bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
-- What each client has stored on a day (UTC), also of files that were deleted since.
CREATE TABLE upload_days (
  day    date NOT NULL,
  client text NOT NULL,
  bytes  bigint NOT NULL,
  PRIMARY KEY (day, client)
);

-- A function, so that its statements see what others have stored while it waited for the lock: one statement would not.
-- Asked again for the same upload, it gives room of the new size instead.
CREATE FUNCTION reserve_upload(upload uuid, who text, wanted bigint, quota bigint, client_quota bigint, seconds int) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  today date;
  taken bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7263410512);
  today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  DELETE FROM upload_reservations WHERE id = upload OR expires_at < clock_timestamp();
  DELETE FROM upload_days WHERE day < today - 1;
  taken := (SELECT coalesce((SELECT sum(size) FROM uploads), 0) + coalesce((SELECT sum(bytes) FROM upload_reservations), 0));
  IF taken + wanted > quota THEN RETURN 'full'; END IF;
  taken := (SELECT coalesce((SELECT sum(bytes) FROM upload_days WHERE day = today AND client = who), 0)
                 + coalesce((SELECT sum(bytes) FROM upload_reservations WHERE day = today AND client = who), 0));
  IF taken + wanted > client_quota THEN RETURN 'client'; END IF;
  INSERT INTO upload_reservations VALUES (upload, who, today, wanted, clock_timestamp() + make_interval(secs => seconds));
  RETURN 'reserved';
END
$$;
