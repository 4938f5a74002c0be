-- Who has come in by sign-on. `subject` is what sign-on knows a person by: names and addresses change.
CREATE TABLE people (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject       text NOT NULL UNIQUE,
  name          text NOT NULL,
  email         text,
  role          text NOT NULL,
  request_quota int CHECK (request_quota BETWEEN 0 AND 1000),
  first_seen    timestamptz NOT NULL DEFAULT now(),
  last_seen     timestamptz NOT NULL DEFAULT now()
);

-- What was there before sign-on has no owner.
ALTER TABLE uploads ADD COLUMN owner bigint REFERENCES people (id);
ALTER TABLE requests
  ADD COLUMN owner bigint REFERENCES people (id),
  ADD COLUMN decided_by text,
  ADD COLUMN tmdb_id bigint,
  ADD COLUMN year int,
  ADD COLUMN poster text,
  ADD COLUMN watch_url text,
  ADD COLUMN forward_state text CHECK (forward_state IN ('queued', 'sent', 'failed')),
  ADD COLUMN forward_message text,
  ADD COLUMN looked_up_at timestamptz;
CREATE INDEX requests_owner ON requests (owner, created_at);
CREATE INDEX requests_tmdb ON requests (tmdb_id);
CREATE INDEX requests_title ON requests (lower(title));

-- What is still to be told to Overseerr and to people. It is written with the change that it tells, so a killed portal forgets nothing.
-- A replica that takes a task moves `due_at`: the others leave it alone until then, and if the replica is killed, one of them does it.
CREATE TABLE tasks (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lane       text NOT NULL,
  request    bigint NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
  event      text NOT NULL,
  attempts   int NOT NULL DEFAULT 0,
  due_at     timestamptz NOT NULL DEFAULT now(),
  failed_at  timestamptz,
  message    text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (lane, request, event)
);
CREATE INDEX tasks_due ON tasks (due_at) WHERE failed_at IS NULL;

-- A function, for the reason of reserve_upload: two requests at once must see each other. `outcome` is `created`, `replayed` (the same key
-- again), `key` (another person's), `duplicate` or `quota`; `about` is the request that this means.
CREATE FUNCTION request_media(who bigint, who_name text, wanted text, of_kind text, words text, key text, quota int,
  tmdb bigint, of_year int, of_poster text, OUT outcome text, OUT about bigint)
LANGUAGE plpgsql AS $$
DECLARE
  known requests;
BEGIN
  PERFORM pg_advisory_xact_lock(7263410513);
  SELECT * INTO known FROM requests WHERE idempotency_key = key;
  IF FOUND THEN
    about := known.id;
    outcome := CASE WHEN known.owner = who THEN 'replayed' ELSE 'key' END;
    RETURN;
  END IF;
  -- Two films may share a title: with numbers on both sides, these decide.
  SELECT id INTO about FROM requests
    WHERE kind = of_kind AND status <> 'declined'
      AND (tmdb_id = tmdb OR (lower(title) = lower(wanted) AND (tmdb_id IS NULL OR tmdb IS NULL)))
    ORDER BY id LIMIT 1;
  IF about IS NOT NULL THEN
    outcome := 'duplicate';
    RETURN;
  END IF;
  IF quota IS NOT NULL AND quota <= (SELECT count(*) FROM requests
      WHERE owner = who AND created_at > clock_timestamp() - interval '7 days') THEN
    outcome := 'quota';
    RETURN;
  END IF;
  INSERT INTO requests (title, kind, note, requested_by, idempotency_key, owner, tmdb_id, year, poster)
    VALUES (wanted, of_kind, words, who_name, key, who, tmdb, of_year, of_poster) RETURNING id INTO about;
  outcome := 'created';
END
$$;
